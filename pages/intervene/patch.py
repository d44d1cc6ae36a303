"""Patch: carry values from a clean prompt into a corrupted one, place by place."""

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.scores import ByHead
from minigpt.interpret.interventions.patching import CARRIED, Prompts
from minigpt.textbook.interventions import patch_each_place
from pages.frame import models, notebook, provenance
from pages.frame import state as shared
from pages.frame.place import linked, undotted, write
from pages.frame.words import plain
from pages.intervene import numbers
from pages.intervene.prompts import Patching
from viz.components.value_grid.view import Grid, value_grid
from viz.effects import before_after_bars
from viz.tokens import display_piece

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


def show(checkpoint: Checkpoint, patching: Patching) -> None:
    """Show the maps of all patches, and what one patch does."""
    left, right = st.columns([5, 6], gap="large")
    with left:
        has_mlp = bool(checkpoint.model.config.mlp_width)
        _show_map(checkpoint, patching, BY_POSITION if has_mlp else BY_POSITION[:2])
    with right:
        _show_map(checkpoint, patching, BY_HEAD)
        _show_patch(checkpoint, patching)


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
    pieces = models.vocabulary(tokenizer)
    st.vega_lite_chart(before_after_bars(pieces, effect.before, effect.after, 5).spec)
    hook, index = CARRIED[patch.what].example(*cell, len(prompts.other))
    provenance.show(checkpoint, prompts.other, hook, index)


def _chosen_patch() -> Patch | None:
    """Return the patch that was clicked, and keep the URL in step."""
    patch: Patch | None = linked("patch", "_patch", Patch.read)
    write("patch", patch and f"{patch.what}:{patch.layer}.{patch.place}")
    return patch
