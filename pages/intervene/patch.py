"""Patch: carry values from a clean prompt into a corrupted one, place by place."""

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.scores import ByHead
from minigpt.interpret.interventions.patching import (
    CARRIED,
    Prompts,
    distinguishing_tokens,
    same_length,
)
from minigpt.interpret.reading.prompt import read_prompt
from minigpt.textbook.interventions import patch_each_place
from pages.frame import models, notebook, provenance
from pages.frame import state as shared
from pages.frame.guard import show_note
from pages.frame.place import linked, undotted, write
from pages.frame.words import plain
from pages.intervene import numbers
from viz.components.value_grid.view import Grid, value_grid
from viz.effects import before_after_bars, paired_pieces
from viz.tokens import display_piece

OFFERED = 12
"""Likeliest tokens of each prompt among which answer and rival are chosen."""

BY_POSITION = [name for name, kind in CARRIED.items() if kind.places == "position"]
BY_HEAD = [name for name, kind in CARRIED.items() if kind.places == "head"]


class Patch(NamedTuple):
    """One cell of a map."""

    what: str
    layer: int
    place: int
    """Position or head."""

    @classmethod
    def read(cls, word: str) -> "Patch":
        """Read it from the URL, `z:1.3`; a ValueError means that there is none."""
        what, _, cell = word.partition(":")
        if what not in CARRIED:
            raise ValueError(f"{what!r} cannot be patched.")
        layer, place = undotted(cell)
        return cls(what, layer, place)

    def fits(self, moved: ByHead) -> bool:
        """Whether the map has this cell; other prompts have other maps."""
        layers, places = moved.shape
        return 0 <= self.layer < layers and 0 <= self.place < places

    def named(self, positions: Sequence[str]) -> str:
        """Say which values are carried over. Markdown."""
        if CARRIED[self.what].places == "head":
            return f"The {self.what} of **L{self.layer}H{self.place}**"
        where = plain(positions[self.place])
        return f"The {self.what} at **{where}** in layer {self.layer}"


class Patching(NamedTuple):
    """What the reader chose to patch."""

    prompts: Prompts
    names: list[str]
    """Of the positions."""
    reverse: bool
    """Whether corrupted values are carried into the clean prompt."""


def show(checkpoint: Checkpoint, patching: Patching) -> None:
    """Show the maps of all patches, and what one patch does."""
    left, right = st.columns([5, 6], gap="large")
    with left:
        has_mlp = bool(checkpoint.model.config.mlp_width)
        _show_map(checkpoint, patching, BY_POSITION if has_mlp else BY_POSITION[:2])
    with right:
        _show_map(checkpoint, patching, BY_HEAD)
        _show_patch(checkpoint, patching)


def choose(checkpoint: Checkpoint, row: DeltaGenerator) -> Patching | None:
    """Show two prompts, and which of them is run.

    Args:
        checkpoint: The chosen model.
        row: Where there is room for the direction.

    Returns:
        What can be patched; None if a large model's reader has not asked to begin.
    """
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
        "Corrupted prompt: the same except for one word",
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
    with row:
        reverse = st.toggle(
            "Reverse",
            key="reverse",
            help="Put corrupted values into the clean run: which places can it not "
            "do without?",
            **shared.BOUND,
        )
    if not numbers.may_begin(checkpoint, "Patch every place in turn"):
        return None
    answer, rival = (
        _chosen(key, tokens) for key, tokens in _offered(checkpoint, *ids).items()
    )
    run, other = reversed(ids) if not reverse else ids
    names = paired_pieces(*(tokenizer.pieces(some) for some in ids))
    return Patching(Prompts(run, other, answer, rival), names, reverse)


def _begin_with_ready_prompts(checkpoint: Checkpoint) -> None:
    """Fill the fields with prompts that this model tells apart.

    What a reader typed, or a link brought, stays when the model changes.
    """
    ready = numbers.ready_prompts(checkpoint)
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


def choose_tokens(checkpoint: Checkpoint, patching: Patching) -> Patching:
    """Show the answer and its rival, found in the two predictions, to be changed."""
    run, other = patching.prompts.run, patching.prompts.other
    clean, corrupted = (run, other) if patching.reverse else (other, run)
    chosen = []
    labels = {"answer": "Answer (clean)", "rival": "Rival (corrupted)"}
    for key, tokens in _offered(checkpoint, list(clean), list(corrupted)).items():
        shared.keep_possible(key, list(tokens), key)
        name = st.selectbox(
            labels[key], list(tokens), key=key, width=150, **shared.BOUND
        )
        chosen.append(tokens[name])
    return patching._replace(prompts=Prompts(run, other, *chosen))


def _chosen(key: str, tokens: dict[str, int]) -> int:
    """Return the answer or rival that a reader or a link chose, or the first."""
    name = shared.get(key, st.query_params.get(key))
    return tokens.get(name, next(iter(tokens.values())))


def _offered(
    checkpoint: Checkpoint, clean: list[int], corrupted: list[int]
) -> dict[str, dict[str, int]]:
    """Return what can be the answer and its rival, the likeliest pair first."""
    both = numbers.both_predictions(checkpoint.model, clean, corrupted)
    found = distinguishing_tokens(both)
    offered = {}
    for key, token, probabilities in (
        ("answer", found[0], both.before),
        ("rival", found[1], both.after),
    ):
        likeliest = (-probabilities).argsort(kind="stable")[:OFFERED].tolist()
        offered[key] = {
            token_name(checkpoint, each): each
            for each in dict.fromkeys([token, *likeliest])
        }
    return offered


def token_name(checkpoint: Checkpoint, token: int) -> str:
    """Return what a token is called in the lists of answer and rival."""
    piece = display_piece(checkpoint.tokenizer.pieces([token])[0])
    return f"{piece}  ({token})"


def _show_map(
    checkpoint: Checkpoint, patching: Patching, options: Sequence[str]
) -> None:
    """Show what every patch of one kind moves: tokens or heads by layers."""
    kind = CARRIED[options[0]].places
    what = st.segmented_control(
        "What is patched",
        options,
        default=options[0],
        required=True,
        key=f"carry_{kind}",
        **shared.BOUND,
        label_visibility="collapsed",
    )
    found = numbers.patches(checkpoint, patching.prompts, what)
    _show_moved(found.moved, patching, what)
    notebook.show(
        f"{kind} map",
        patch_each_place,
        f"patch_each_place(model, {patching.prompts}, {what!r})",
        drawn=found.moved,
        also=[Prompts],
    )


def _show_moved(moved: ByHead, patching: Patching, what: str) -> None:
    """Show a map; a click chooses the patch that is shown beside it."""
    kind = CARRIED[what].places
    layers, places = moved.shape
    heads = [f"H{head}" for head in range(places)]
    names = patching.names if kind == "position" else heads
    chosen = _chosen_patch()
    is_here = chosen is not None and chosen.what == what and chosen.fits(moved)

    def remember(cell: tuple[int, int] | None) -> None:
        patch = None
        if cell is not None:
            patch = Patch(what, *(cell[::-1] if tall else cell))
        st.session_state["_patch"] = patch

    by_layer = [f"L{layer}" for layer in range(layers)]
    # Tokens stand in the rows, so that a long prompt reads downwards.
    tall = kind == "position"
    selected = (chosen.layer, chosen.place) if is_here else None
    grid = Grid(
        moved.T if tall else moved,
        rows=names if tall else by_layer,
        columns=by_layer if tall else names,
        unit="of the way to the other answer",
        row_title=kind if tall else "layer",
        column_title="layer" if tall else kind,
        signed=True,
        limit=1.0,
        shrinks=True,
    )
    value_grid(
        grid,
        key=f"map_{kind}",
        selected=selected[::-1] if selected and tall else selected,
        on_select=remember,
    )


def _show_patch(checkpoint: Checkpoint, patching: Patching) -> None:
    """Show what one patch does: the one clicked, or the strongest of the stream."""
    patch = _chosen_patch() or Patch(BY_POSITION[0], -1, -1)
    found = numbers.patches(checkpoint, patching.prompts, patch.what)
    if not patch.fits(found.moved):
        patch = Patch(patch.what, *found.strongest())
    prompts, tokenizer = patching.prompts, checkpoint.tokenizer
    cell = patch.layer, patch.place
    effect = numbers.patched(checkpoint.model, prompts, patch.what, *cell)
    answer, rival = (
        f"**{plain(display_piece(piece))}**"
        for piece in tokenizer.pieces([prompts.answer, prompts.rival])
    )
    st.markdown(
        f"{patch.named(patching.names)}: {answer} "
        f"{effect.before[prompts.answer]:.3f} → "
        f"{effect.after[prompts.answer]:.3f}, {rival} "
        f"{effect.before[prompts.rival]:.3f} → {effect.after[prompts.rival]:.3f}. "
        f"The answer moved **{found.moved[cell]:.3f}** of the way from "
        f"{found.run_difference:+.2f} to {found.other_difference:+.2f} logits."
    )
    pieces = tokenizer.pieces(range(tokenizer.vocab_size))
    st.vega_lite_chart(before_after_bars(pieces, effect.before, effect.after, 5).spec)
    hook, index = CARRIED[patch.what].example(*cell, len(prompts.other))
    provenance.show(checkpoint, prompts.other, hook, index)


def _chosen_patch() -> Patch | None:
    """Return the patch that was clicked, and keep the URL in step."""
    patch: Patch | None = linked("patch", "_patch", Patch.read)
    write("patch", patch and f"{patch.what}:{patch.layer}.{patch.place}")
    return patch
