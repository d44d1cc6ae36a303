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
    activations: Array | None
    mlp_out: Array | None
    resid_post: Array


@dataclass(frozen=True)
class NeuronShown:
    """A neuron that fires, and the texts of the tokens that it promotes."""

    index: int
    activation: float
    norm: float
    promotes: Sequence[str]


def residual_block(
    pieces: Sequence[str],
    block: BlockShown,
    patterns: Array,
    neurons: Sequence[NeuronShown],
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
        pieces: Token texts, one per position.
        block: The vectors to show.
        patterns: Weights of this layer's heads, [head q_pos k_pos].
        neurons: Those that fire most; empty in a block without an MLP.
        key: The view's name on this page.
        head: The head to mark.
        picked: A hook's name within the block, and the place in its position's values.
        on_head: Called with the head that was clicked.
        on_pick: Called with the number that was clicked, as `picked`.

    Raises:
        ValueError: If the patterns are not one per head, over the pieces.
    """
    heads, count = len(block.results), len(pieces)
    if np.shape(patterns) != (heads, count, count):
        raise ValueError(
            f"{heads} heads and {count} pieces need patterns of "
            f"[{heads} {count} {count}], not {list(np.shape(patterns))}."
        )
    traced: list[tuple[str, tuple[int, ...]]] = [(name, ()) for name in VECTORS]
    traced += [("attn.hook_result", (each,)) for each in range(heads)]

    def fits(place: tuple[int, int]) -> bool:
        if not 0 <= place[0] < len(traced):
            return False
        is_neuron = traced[place[0]][0] == "mlp.hook_post"
        width = 0 if block.activations is None else len(block.activations)
        return 0 <= place[1] < (width if is_neuron else len(block.resid_pre))

    def pick(place: tuple[int, int] | None) -> None:
        if on_pick is not None:
            on_pick(place and (traced[place[0]][0], (*traced[place[0]][1], place[1])))

    def pick_head() -> None:
        chosen_head = sent(key, "opened", read_position)
        if chosen_head is None or on_head is None or not 0 <= chosen_head < heads:
            return
        on_head(chosen_head)

    chosen = None
    if picked is not None:
        chosen = (traced.index((picked[0], picked[1][:-1])), picked[1][-1])
    chosen = current_choice(key, chosen, fits)
    _mount(
        key=key,
        data={
            "piece": display_piece(pieces[block.position]),
            "rows": [".".join(map(str, (name, *place))) for name, place in traced],
            "layer": block.layer,
            "head": head,
            "picked": None if chosen is None else list(chosen),
            **_packed_block(block),
            **_packed_patterns(patterns, block.position),
            "neurons": [
                {**asdict(neuron), "promotes": display_pieces(neuron.promotes)}
                for neuron in neurons
            ],
        },
        on_picked_change=listener(key, read_pair, fits, pick),
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
        "norms": [
            None if norm is None else _packed_norm(norm)
            for norm in (block.ln1, block.ln2)
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
