"""One token on its way through one block: the road, its branches, and every number."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from viz.attention import Array, pack_bytes, pack_floats, pool_patterns
from viz.components.shared.mounting import (
    current_choice,
    listener,
    read_pair,
    read_position,
    register,
    sent,
)
from viz.tokens import display_piece, display_pieces

_mount = register("residual_block", "stepping", "number_table", "residual_panel")

THUMBNAIL = 48
"""The longest side of a head's small pattern, in cells."""

VECTORS = (
    "hook_resid_pre",
    "ln1.hook_normalized",
    "ln1_post.hook_normalized",
    "hook_attn_out",
    "hook_resid_mid",
    "ln2.hook_normalized",
    "mlp.hook_post",
    "hook_mlp_out",
    "hook_resid_post",
)
"""Hooks whose numbers can be picked; after them come the heads' results."""


class NormShown(Protocol):
    """What a norm made of a vector."""

    mean: float | None
    scale: float
    normalized: Array
    out: Array
    """After the learned weight and shift: what is read."""
    weight: Array | None
    shift: Array | None


class BlockShown(Protocol):
    """The vectors of one position of one block; see `block_view` of `minigpt`."""

    layer: int
    position: int
    resid_pre: Array
    ln1: NormShown
    z: Array
    results: Array
    output_bias: Array | None
    attn_out: Array
    resid_mid: Array
    ln2: NormShown | None
    ln1_post: NormShown | None
    """Of what all heads write, if it is normalised before it is added."""
    activations: Array | None
    mlp_out: Array | None
    resid_post: Array
    parallel: bool
    """Whether the MLP reads the stream as the heads do, before they add to it."""


@dataclass(frozen=True)
class NeuronShown:
    """A neuron that fires, and the texts of the tokens that it promotes."""

    index: int
    activation: float
    norm: float
    promotes: Sequence[str]


@dataclass(frozen=True)
class BlockSheet:
    """The numbers of one token in one block.

    Raises:
        ValueError: If the patterns are not one per head, over the pieces.
    """

    pieces: Sequence[str]
    """Token texts, one per position."""
    block: BlockShown
    """The vectors to show."""
    patterns: Array
    """Weights of this layer's heads, [head q_pos k_pos]."""
    neurons: Sequence[NeuronShown]
    """Those that fire most; empty in a block without an MLP."""
    part: str | None = None
    """Where to stand (`before`, `ln1`, `heads`, `output`, `middle`, `ln2`, `mlp`,
    `after`) for as long as it is named; None leaves it to the reader."""

    def __post_init__(self) -> None:
        """Check the shape of the patterns."""
        heads, count = len(self.block.results), len(self.pieces)
        if np.shape(self.patterns) != (heads, count, count):
            raise ValueError(
                f"{heads} heads and {count} pieces need patterns of "
                f"[{heads} {count} {count}], not {list(np.shape(self.patterns))}."
            )

    @property
    def rows(self) -> list[tuple[str, tuple[int, ...]]]:
        """Every vector whose numbers can be picked: its hook, and its head if any."""
        heads = range(len(self.block.results))
        return [(name, ()) for name in VECTORS] + [
            ("attn.hook_result", (head,)) for head in heads
        ]

    def holds(self, place: tuple[int, int]) -> bool:
        """Tell whether there is a number at this place of this one of the rows."""
        rows, activations = self.rows, self.block.activations
        if not 0 <= place[0] < len(rows):
            return False
        width = len(self.block.resid_pre)
        if rows[place[0]][0] == "mlp.hook_post":
            width = 0 if activations is None else len(activations)
        return 0 <= place[1] < width

    def packed(self) -> dict[str, Any]:
        """Return what the browser draws."""
        position = self.block.position
        return {
            "piece": display_piece(self.pieces[position]),
            "part": self.part,
            "rows": [".".join(map(str, (name, *head))) for name, head in self.rows],
            "layer": self.block.layer,
            **_packed_block(self.block),
            **_packed_patterns(self.patterns, position),
            "neurons": [
                {**asdict(neuron), "promotes": display_pieces(neuron.promotes)}
                for neuron in self.neurons
            ],
        }


def residual_block(
    sheet: BlockSheet,
    *,
    key: str,
    head: int | None = None,
    picked: tuple[str, tuple[int, ...]] | None = None,
    on_head: Callable[[int], None] | None = None,
    on_pick: Callable[[tuple[str, tuple[int, ...]] | None], None] | None = None,
) -> None:
    """Show one block as a road with two branches, and the numbers of the step it is at.

    Next and Back (or Space and Shift+Space) go along the road, a click on a part goes
    there. A click on a head's pattern chooses that head; a click on a number picks it.

    Args:
        sheet: What to show.
        key: The view's name on this page.
        head: The head to mark.
        picked: A hook's name within the block, and the place in its position's values.
        on_head: Called with the head that was clicked.
        on_pick: Called with the number that was clicked, as `picked`.
    """
    rows, heads = sheet.rows, len(sheet.block.results)

    def pick(place: tuple[int, int] | None) -> None:
        if on_pick is not None:
            on_pick(place and (rows[place[0]][0], (*rows[place[0]][1], place[1])))

    def pick_head() -> None:
        chosen_head = sent(key, "opened", read_position)
        if chosen_head is None or on_head is None or not 0 <= chosen_head < heads:
            return
        on_head(chosen_head)

    chosen = None
    if picked is not None:
        chosen = (rows.index((picked[0], picked[1][:-1])), picked[1][-1])
    chosen = current_choice(key, chosen, sheet.holds)
    _mount(
        key=key,
        data={
            **sheet.packed(),
            "head": head,
            "picked": None if chosen is None else list(chosen),
        },
        on_picked_change=listener(key, read_pair, sheet.holds, pick),
        on_opened_change=pick_head,
    )


def _packed_block(block: BlockShown) -> dict[str, Any]:
    vectors = {
        "before": block.resid_pre,
        "z": block.z,
        "results": block.results,
        "bias": block.output_bias,
        "attended": block.attn_out,
        "middle": block.resid_mid,
        "activations": block.activations,
        "transformed": block.mlp_out,
        "after": block.resid_post,
    }
    return {
        "width": len(block.resid_pre),
        "parallel": block.parallel,
        "norms": [
            None if norm is None else _packed_norm(norm)
            for norm in (block.ln1, block.ln2, block.ln1_post)
        ],
        **{
            name: None if vector is None else pack_floats(vector)
            for name, vector in vectors.items()
        },
    }


def _packed_norm(norm: NormShown) -> dict[str, Any]:
    return {
        "mean": norm.mean,
        "scale": norm.scale,
        "normalized": pack_floats(norm.normalized),
        "out": None if norm.weight is None else pack_floats(norm.out),
        "weight": None if norm.weight is None else pack_floats(norm.weight),
        "shift": None if norm.shift is None else pack_floats(norm.shift),
    }


def _packed_patterns(patterns: Array, position: int) -> dict[str, Any]:
    """Pack the heads' patterns small, and say which row the token has in them."""
    small = pool_patterns(patterns, THUMBNAIL)
    patch = -(-patterns.shape[-1] // THUMBNAIL)
    return {
        "patterns": pack_bytes(small),
        "side": small.shape[-1],
        "row": position // patch,
    }
