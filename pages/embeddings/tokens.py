"""The first part of "Embeddings and positions": tokens as points in a space."""

from typing import NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.positions.embedding_space import (
    Components,
    Neighbours,
    Which,
    sampled_tokens,
)
from minigpt.textbook.embeddings import (
    cosines_by_step,
    nearest_cosines,
    principal_plane,
)
from minigpt.tokenizers.inspection.splits import whole_form
from pages.embeddings import notebook_lines
from pages.embeddings.numbers import (
    MOST_POINTS,
    PromptTokens,
    chance_of,
    common_tokens,
    components_of,
    drift_of,
)
from pages.embeddings.typed import say_which
from pages.frame import models, notebook, provenance, state
from pages.frame.guard import show_note
from pages.frame.place import shared_place
from viz.components.token_pieces.view import token_pieces
from viz.embedding_drift import drift_lines, drift_paths, drift_table
from viz.embeddings import (
    CHOSEN,
    NEAR,
    OTHER,
    neighbour_bars,
    point_table,
    scatter,
    scatter_3d,
)
from viz.tokens import display_piece

EVERY, FREQUENT, PROMPT = "vocabulary", "most frequent", "prompt"
MOST_FREQUENT = 60

NEIGHBOURS, PICTURE = "embedding_neighbours", "embedding_picture"
"""The keys of two figures."""


class Chosen(NamedTuple):
    """The token that all figures are about, and which of its vectors."""

    token: int
    piece: str
    which: Which
    position: int | None
    """In the prompt; None where it was typed."""


def choose_token(checkpoint: Checkpoint, text: PromptTokens) -> Chosen:
    """Show the prompt's pieces and a field, and return the token that is chosen."""
    tokenizer = checkpoint.tokenizer
    place = shared_place("token", range(len(text.tokens)), len(text.tokens) - 1)
    pieces, field = st.columns([6, 2], vertical_alignment="bottom")
    with field:
        typed = st.text_input(
            "Any other token",
            key="embedding_word",
            max_chars=40,
            placeholder="or type another",
            label_visibility="collapsed",
            help="A word that is a token only with a space before it is found too.",
            **state.BOUND,
        )
    ids = whole_form(tokenizer, typed) if typed else []
    with pieces:
        token_pieces(
            text.pieces,
            text.tokens,
            None if ids else place,
            key="embedding_pieces",
            on_select=_pick,
        )
    which = _choose_table(checkpoint)
    if not ids:
        return Chosen(text.tokens[place], text.pieces[place], which, place)
    pieces = tokenizer.pieces(ids)
    if ids[0] == tokenizer.unk_id:
        show_note(models.unknown_words(tokenizer.unknown(typed)))
    else:
        st.caption(say_which(typed, pieces))
    return Chosen(ids[0], pieces[0], which, None)


def _pick(place: int | None) -> None:
    """Take a piece of the prompt; what was typed no longer counts."""
    if place is not None:
        st.session_state["token"] = place
        st.session_state["embedding_word"] = ""


def _choose_table(checkpoint: Checkpoint) -> Which:
    """Show the choice between two tables; where they are tied, there is only one."""
    if checkpoint.model.ties_embeddings:
        return "embedding"
    chosen: Which = st.segmented_control(
        "Vectors",
        ("embedding", "unembedding"),
        default="embedding",
        required=True,
        key="embedding_table",
        label_visibility="collapsed",
        help=(
            "Embedding: the vector that a token is read as. Unembedding: the "
            "vector that the model's final vector is compared with to predict it."
        ),
        **state.BOUND,
    )
    return chosen


def show(
    checkpoint: Checkpoint, text: PromptTokens, chosen: Chosen, found: Neighbours
) -> None:
    """Show the nearest tokens, the picture of many, and the way to here."""
    left, right = st.columns([2, 3], gap="medium")
    with left, st.container(key=NEIGHBOURS):
        _show_neighbours(checkpoint, chosen, found)
    with right, st.container(key=PICTURE):
        _show_picture(checkpoint, text, chosen, found)
    _trace(checkpoint, text, chosen)
    _show_training(checkpoint, chosen, found)


def _trace(checkpoint: Checkpoint, text: PromptTokens, chosen: Chosen) -> None:
    """Show where a vector of the table is used: read, or compared with the last one."""
    if chosen.which == "unembedding":
        last = len(text.tokens) - 1
        provenance.show(checkpoint, text.tokens, "logits", (0, last, chosen.token))
        return
    tokens = text.tokens if chosen.position is not None else [chosen.token]
    provenance.show(checkpoint, tokens, "hook_embed", (0, chosen.position or 0, 0))


def _show_neighbours(checkpoint: Checkpoint, chosen: Chosen, found: Neighbours) -> None:
    st.text(f"Nearest to {display_piece(chosen.piece)}")
    pieces = checkpoint.tokenizer.pieces(found.tokens)
    size = checkpoint.tokenizer.vocab_size
    chance = chance_of(checkpoint, chosen.which)
    st.vega_lite_chart(neighbour_bars(pieces, found.cosines, chance.most).spec)
    table = f"{notebook_lines.TABLES[chosen.which]}[:{size}]"
    notebook.show(
        "nearest tokens",
        nearest_cosines,
        f"nearest_cosines({table}, {chosen.token}, {len(found.tokens)})",
        drawn=found.cosines,
    )
    st.caption(
        f"By chance: two tokens of this table have a mean cosine of {chance.pair:.2f}; "
        f"of {size - 1:,} vectors of random numbers, the nearest would have "
        f"{chance.nearest:.2f}. The dashed line is the larger of the two."
    )


def drawn_tokens(
    checkpoint: Checkpoint,
    tokens: list[int],
    chosen: int,
    found: Neighbours,
    kind: str | None = None,
) -> tuple[tuple[int, ...], str]:
    """Return the ids in the picture, and the call that draws them if they are many.

    Args:
        checkpoint: Whose tokens.
        tokens: The prompt's.
        chosen: The token that all figures are about.
        found: Its neighbours.
        kind: Which tokens to draw; by default those that the reader chose.
    """
    must = (chosen, *found.tokens)
    kind = kind or state.get("embedding_points", FREQUENT)
    if kind == PROMPT:
        return tuple(dict.fromkeys([*tokens, *must])), ""
    if kind == FREQUENT:
        common = common_tokens(checkpoint, MOST_FREQUENT)
        return tuple(dict.fromkeys([*common, *must])), ""
    size = checkpoint.tokenizer.vocab_size
    ids = tuple(sampled_tokens(size, MOST_POINTS, must).tolist())
    return ids, f"sampled_tokens({size}, {MOST_POINTS}, {must})"


def _show_picture(
    checkpoint: Checkpoint, text: PromptTokens, chosen: Chosen, found: Neighbours
) -> None:
    in_space = _choose_points()
    tokens, sample = drawn_tokens(checkpoint, text.tokens, chosen.token, found)
    components, points = components_of(checkpoint.model, chosen.which, tokens)
    marks = [_mark(token, chosen, found) for token in tokens]
    table = point_table(checkpoint.tokenizer.pieces(tokens), points, marks)
    shares = components.explained.tolist()
    if in_space:
        st.plotly_chart(scatter_3d(table, shares), key="embedding_space_3d")
    else:
        st.vega_lite_chart(scatter(table, shares).spec)
    size = checkpoint.tokenizer.vocab_size
    with st.container(horizontal=True, vertical_alignment="center"):
        vectors = notebook_lines.TABLES[chosen.which]
        notebook.show(
            "principal components",
            principal_plane,
            f"principal_plane({vectors}[{sample or list(tokens)}])",
            drawn={
                "explained": shares[:2],
                "points": [place[:2] for place in points],
            },
            also=[sampled_tokens] if sample else [],
        )
        with st.popover("Table", icon=":material/table:", type="tertiary"):
            st.dataframe(table, hide_index=True)
        st.caption(_what_is_left(components, len(tokens), size))


def _choose_points() -> bool:
    """Show which tokens to draw; return whether in three dimensions."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            "Tokens drawn",
            (FREQUENT, EVERY, PROMPT),
            default=FREQUENT,
            required=True,
            key="embedding_points",
            label_visibility="collapsed",
            **state.BOUND,
        )
        return st.toggle(
            "3-D",
            key="embedding_3d",
            help="Three components; rotate the picture with the mouse.",
            **state.BOUND,
        )


def _mark(token: int, chosen: Chosen, found: Neighbours) -> str:
    if token == chosen.token:
        return CHOSEN
    return NEAR if token in found.tokens else OTHER


def _what_is_left(components: Components, drawn: int, size: int) -> str:
    """Say what the picture shows of the space, and what not."""
    shown = 100 * float(components.explained[:2].sum())
    width = len(components.mean)
    sample = f" of {size}" if drawn < size else ""
    return (
        f"{drawn}{sample} tokens. This plane holds {shown:.1f}% of their variance; "
        f"{width - 2} of {width} directions are not in the picture."
        if width > 2
        else f"{drawn}{sample} tokens."
    )


def _show_training(checkpoint: Checkpoint, chosen: Chosen, found: Neighbours) -> None:
    st.subheader("During training", anchor=False)
    tokens = (chosen.token, *found.tokens[:4])
    moved = drift_of(chosen.which, tokens)
    if moved is None:
        st.caption(
            "Only one step of this model was saved. A model with several saved steps "
            "shows how its tokens found their places: *induction*, or a run of your "
            "own."
        )
        return
    pieces = checkpoint.tokenizer.pieces(list(tokens))
    table = drift_table(moved.steps, pieces, moved.cosines, moved.paths)
    now = state.get("step", moved.steps[-1])
    left, right = st.columns(2, gap="medium")
    with left:
        st.vega_lite_chart(drift_lines(table, chosen.piece, now).spec)
    with right:
        st.vega_lite_chart(drift_paths(table, moved.explained.tolist(), now).spec)
    with st.container(horizontal=True, vertical_alignment="center"):
        paths = [str(step.path) for step in models.chosen_entry().steps]
        table = f"minigpt.load(path).{notebook_lines.TABLES[chosen.which]}"
        notebook.show(
            "while it learned",
            cosines_by_step,
            f"cosines_by_step([{table} for path in {paths}], {list(tokens)})",
            drawn=moved.cosines,
        )
        st.caption(
            "The chosen token and its nearest tokens at this step, drawn in the "
            "plane of the last step. Change the training step in the sidebar."
        )
