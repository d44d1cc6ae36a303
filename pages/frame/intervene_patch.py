"""Patch: carry values from a clean prompt into a corrupted one, place by place."""

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.patching import (
    CARRIED,
    PatchMap,
    Prompts,
    same_length,
    telling_tokens,
)
from minigpt.interpret.reading import read_prompt
from pages.frame import intervene_code, intervene_numbers, models, notebook, provenance
from pages.frame import state as shared
from pages.frame.guard import show_note
from pages.frame.words import plain
from viz.components import value_grid
from viz.effects import before_after_bars, paired_pieces
from viz.tokens import display_piece

OFFERED = 12
"""Likeliest tokens of each prompt among which answer and rival are chosen."""

BY_POSITION = [name for name, kind in CARRIED.items() if kind.places == "position"]
BY_HEAD = [name for name, kind in CARRIED.items() if kind.places == "head"]


class Patching(NamedTuple):
    """What the reader chose to patch."""

    prompts: Prompts
    names: list[str]
    """Of the positions."""
    reverse: bool
    """Whether corrupted values are carried into the clean prompt."""


def show(checkpoint: Checkpoint) -> Patching:
    """Show two prompts, the maps of all patches, and what one patch does."""
    patching = _choose_prompts(checkpoint)
    config = checkpoint.model.config
    layers = [f"L{layer}" for layer in range(config.num_layers)]
    what = _choose_what("carry", BY_POSITION if config.mlp_width else BY_POSITION[:2])
    found = _show_map(checkpoint, patching, what, layers, patching.names)
    left, right = st.columns([5, 6], gap="large")
    with left:
        which = _choose_what("carry_head", BY_HEAD)
        count = config.kv_heads if which == "values" else config.num_heads
        heads = [f"H{head}" for head in range(count)]
        _show_map(checkpoint, patching, which, layers, heads)
    with right:
        _show_patch(checkpoint, patching, found, what)
    return patching


def _choose_prompts(checkpoint: Checkpoint) -> Patching:
    _begin_with_ready_prompts(checkpoint)
    left, right = st.columns(2)
    clean = left.text_input(
        "Clean prompt",
        key="clean",
        max_chars=2000,
        on_change=_forget_tokens,
        **shared.BOUND,
    )
    corrupted = right.text_input(
        "Corrupted prompt: the same but for a word",
        key="corrupted",
        max_chars=2000,
        on_change=_forget_tokens,
        **shared.BOUND,
    )
    tokenizer = checkpoint.tokenizer
    ids = same_length(tokenizer, clean, corrupted)
    read_prompt(checkpoint.model, tokenizer, clean)  # raises if it is too long
    unknown = tokenizer.unknown(clean) + tokenizer.unknown(corrupted)
    if unknown:
        show_note(models.unknown_words(unknown))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        answer, rival = _choose_tokens(checkpoint, *ids)
        reverse = st.toggle(
            "Reverse",
            key="reverse",
            help="Carry corrupted values into the clean prompt: which places can it "
            "not do without?",
            **shared.BOUND,
        )
    run, other = reversed(ids) if not reverse else ids
    names = paired_pieces(*(tokenizer.pieces(some) for some in ids))
    return Patching(Prompts(run, other, answer, rival), names, reverse)


def _begin_with_ready_prompts(checkpoint: Checkpoint) -> None:
    """Fill the fields with prompts that this model tells apart.

    What a reader typed, or a link brought, stays when the model changes.
    """
    ready = intervene_numbers.ready_prompts(checkpoint)
    before = st.session_state.get("_ready_prompts")
    for key, text in (("clean", ready.clean), ("corrupted", ready.corrupted)):
        now = st.session_state.get(key, st.query_params.get(key))
        if now is None or (before is not None and now == getattr(before, key)):
            st.session_state[key] = text
    if before is not None and before != ready:
        _forget_tokens()
    st.session_state["_ready_prompts"] = ready


def _forget_tokens() -> None:
    """Choose answer and rival anew: other prompts, other answers."""
    for key in ("answer", "rival"):
        st.session_state.pop(key, None)


def _choose_tokens(
    checkpoint: Checkpoint, clean: list[int], corrupted: list[int]
) -> tuple[int, int]:
    """Show the answer and its rival, found in the two predictions, to be changed."""
    both = intervene_numbers.both_predictions(checkpoint, clean, corrupted)
    chosen = []
    found = telling_tokens(both)
    for key, label, token, probabilities in (
        ("answer", "Answer (clean)", found[0], both.before),
        ("rival", "Rival (corrupted)", found[1], both.after),
    ):
        likeliest = (-probabilities).argsort(kind="stable")[:OFFERED].tolist()
        tokens = {
            _named(checkpoint, each): each
            for each in dict.fromkeys([token, *likeliest])
        }
        shared.keep_possible(key, list(tokens), key)
        name = st.selectbox(label, list(tokens), key=key, width=190, **shared.BOUND)
        chosen.append(tokens[name])
    return chosen[0], chosen[1]


def _named(checkpoint: Checkpoint, token: int) -> str:
    piece = display_piece(checkpoint.tokenizer.pieces([token])[0])
    return f"{piece}  ({token})"


def _choose_what(key: str, options: Sequence[str]) -> str:
    return st.segmented_control(
        "Carried over",
        options,
        default=options[0],
        required=True,
        key=key,
        label_visibility="collapsed",
    )


def _show_map(
    checkpoint: Checkpoint,
    patching: Patching,
    what: str,
    rows: list[str],
    columns: list[str],
) -> PatchMap:
    found = intervene_numbers.patches(checkpoint, patching.prompts, what)
    kind = CARRIED[what].places
    cell = _cell(what, found)

    def remember(place: tuple[int, int] | None) -> None:
        st.session_state["_patched"] = None if place is None else (what, place)

    value_grid(
        found.moved,
        key=f"map_{kind}",
        rows=rows,
        columns=columns,
        unit="share of the way to the other prompt's answer",
        row_title="layer",
        column_title=kind,
        signed=True,
        limit=1.0,
        selected=cell,
        on_select=remember,
    )
    notebook.code(
        f"{kind} map",
        intervene_code.patching(checkpoint.model, patching.prompts, what, len(columns)),
        variable="moved",
        drawn=found.moved,
    )
    return found


def _cell(what: str, found: PatchMap) -> tuple[int, int] | None:
    """Return the patch that was clicked in this map; it may be of another."""
    chosen, place = st.session_state.get("_patched") or (None, (0, 0))
    rows, columns = found.moved.shape
    fits = place[0] < rows and place[1] < columns
    return place if chosen == what and fits else None


def _show_patch(
    checkpoint: Checkpoint, patching: Patching, found: PatchMap, what: str
) -> None:
    """Show what one patch does: the one clicked, or the strongest of the first map."""
    chosen, cell = st.session_state.get("_patched") or (None, (0, 0))
    if chosen in BY_HEAD:
        what, found = (
            chosen,
            intervene_numbers.patches(checkpoint, patching.prompts, chosen),
        )
    cell = _cell(what, found) or found.strongest()
    layer, place = cell
    effect = intervene_numbers.patched(checkpoint, patching.prompts, what, cell)
    prompts, tokenizer = patching.prompts, checkpoint.tokenizer
    answer, rival = (
        f"**{plain(display_piece(piece))}**"
        for piece in tokenizer.pieces([prompts.answer, prompts.rival])
    )
    where = f"at **{plain(patching.names[place])}**"
    if CARRIED[what].places == "head":
        where = f"of **L{layer}H{place}**"
    st.markdown(
        f"The {what} {where}, layer {layer}, carried over: {answer} "
        f"{effect.before[prompts.answer]:.3f} → {effect.after[prompts.answer]:.3f}, "
        f"{rival} {effect.before[prompts.rival]:.3f} → "
        f"{effect.after[prompts.rival]:.3f}; moved **{found.moved[cell]:.3f}** of the "
        f"way from {found.run_difference:+.2f} to {found.other_difference:+.2f} logits."
    )
    pieces = tokenizer.pieces(range(tokenizer.vocab_size))
    st.altair_chart(before_after_bars(pieces, effect.before, effect.after, shown=6))
    hook, index = CARRIED[what].example(layer, place, len(prompts.other))
    st.caption("One of the numbers carried over, in the prompt that gives it:")
    provenance.show(checkpoint, prompts.other, hook, index)
