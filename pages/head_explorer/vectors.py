"""One head's queries, keys, values and outputs as points, one for each token."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.head_vectors import Which, head_vectors
from minigpt.interpret.reading.prompt import Reading
from minigpt.model import TransformerLM
from minigpt.textbook.embeddings import principal_plane
from pages.frame import corpora, notebook, state
from pages.frame.reading import Place
from pages.frame.remember import remember
from pages.frame.words import plain
from viz.embeddings import CHOSEN, OTHER, point_table, scatter
from viz.tokens import display_pieces

KINDS: dict[str, Which] = {"queries": "q", "keys": "k", "values": "v", "outputs": "z"}
HELD_OUT, PROMPT = "held-out text", "this prompt"
WINDOWS = 4
"""Of held-out text: some 250 points, each of which can still be pointed at."""

WORDS = (
    "Each dot is one token of the text, placed by its vector in this head, in the "
    "plane in which these vectors differ most. Tokens whose **keys** lie together look "
    "alike to every query; tokens whose **queries** lie together look for the same. "
    "The axes say how much of the variance the plane holds: what is close in it may "
    "still be far apart."
)


vectors_of = remember(32)(head_vectors)


def show(checkpoint: Checkpoint, reading: Reading, place: Place) -> None:
    """Draw one kind of the head's vectors, for the prompt or for held-out text."""
    st.markdown("**Its queries, keys, values and outputs**")
    st.markdown(WORDS)
    kind, text = _choose()
    texts = (
        [reading.tokens]
        if text == PROMPT
        else corpora.windows(checkpoint, WINDOWS).tolist()
    )
    model = checkpoint.model
    assert isinstance(model, TransformerLM)  # a Reading has attention patterns
    vectors = vectors_of(model, texts, place.layer, place.head, KINDS[kind])
    if len(vectors.unique(dim=0)) < 2:
        st.caption("All vectors are the same here: there is no plane to draw them in.")
        return
    plane = principal_plane(vectors)
    chosen = reading.tokens[place.token]
    _draw(checkpoint, list(chain(*texts)), plane, chosen)
    st.caption(
        f"Orange: every place of “{plain(_piece(checkpoint, chosen))}”, the token that "
        "is chosen above. The prompt's own tokens are few; held-out text shows more."
    )
    name = "tokens" if text == PROMPT else "windows"
    call = f"model, {name}.tolist(), {place.layer}, {place.head}, {KINDS[kind]!r}"
    notebook.show(
        "its vectors",
        principal_plane,
        f"principal_plane(head_vectors({call}))['points']",
        drawn=plane["points"],
        also=[head_vectors],
        begin=None if text == PROMPT else notebook.opening_with_windows(WINDOWS),
    )


def _choose() -> tuple[str, str]:
    """Let the reader choose the vectors and the text."""
    with st.container(horizontal=True):
        kind: str = st.segmented_control(
            "Vectors",
            list(KINDS),
            default="keys",
            required=True,
            key="head_vectors",
            **state.BOUND,
        )
        text: str = st.segmented_control(
            "Tokens of",
            (HELD_OUT, PROMPT),
            default=HELD_OUT,
            required=True,
            key="head_vectors_of",
            **state.BOUND,
        )
    return kind, text


def _draw(
    checkpoint: Checkpoint,
    tokens: list[int],
    plane: Mapping[str, Any],
    chosen: int,
) -> None:
    marks = [CHOSEN if token == chosen else OTHER for token in tokens]
    pieces = checkpoint.tokenizer.pieces(tokens)
    table = point_table(pieces, plane["points"].numpy(), marks)
    st.vega_lite_chart(scatter(table, plane["explained"].tolist()).spec)


def _piece(checkpoint: Checkpoint, token: int) -> str:
    return display_pieces(checkpoint.tokenizer.pieces([token]))[0]
