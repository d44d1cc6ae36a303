"""Composition: how much of what one head writes another head of a later layer reads.

A head reads the stream through W_Q, W_K and W_V, and writes to it through W_O. Where
the later head's W_K reads the directions that the earlier head's W_O writes, what the
first one moved decides what the second one finds. That is K-composition; likewise Q
(it decides what is looked for) and V (what was moved is moved on).

    K = ‖W_QK · W_OV‖ / (‖W_QK‖ ‖W_OV‖)      W_QK = W_Qᵀ W_K,  W_OV = W_O W_V
    Q = ‖W_QKᵀ · W_OV‖ / (‖W_QK‖ ‖W_OV‖)     Frobenius norms, from 0 to 1
    V = ‖W_OV₂ · W_OV‖ / (‖W_OV₂‖ ‖W_OV‖)

None of these [d_model d_model] matrices is ever made. With the triangle R of Q's
QR decomposition, ‖W_Qᵀ W_K M‖ = ‖R W_K M‖ whatever M is, so each side of the product
keeps one thin matrix, and a pair of heads costs one [d_head d_head] product.

With RoPE, this is the composition of heads without the turning.

Before: `folded`. Next: `chance`, what two heads score by accident.

Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits",
section "Two-layer attention-only transformers", on virtual attention heads.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from minigpt.interpret.provenance.working import Working, number, parts
from minigpt.interpret.weights.chance import Chance, chance_of, concentration
from minigpt.interpret.weights.folded import FoldedHeads, folded_heads
from minigpt.model import TransformerLM

Thin = Float[Tensor, "head d_head d_model"]
Pairs = Float[np.ndarray, "later head earlier earlier_head"]

KINDS: Final = ("q", "k", "v")
"""What of the later head reads: its queries, its keys, its values."""

RARE = 1e-3
"""A pair stands out if chance gives a pair like it in fewer models than this share."""


@dataclass(frozen=True)
class Link:
    """What one head writes is read by another."""

    kind: str
    """One of `KINDS`."""
    later: tuple[int, int]
    """Layer and head that reads."""
    earlier: tuple[int, int]
    """Layer and head that writes."""
    score: float
    low: float
    """Where the band of two heads turned at random begins …"""
    high: float
    """… and where it ends."""
    surprise: float
    """Standard deviations of the squared score above chance."""


@dataclass(frozen=True)
class LayerComposition:
    """How the heads of one layer compose with those of the layers before."""

    scores: dict[str, Float[np.ndarray, "head earlier earlier_head"]]
    """For each of `KINDS`; empty for the first layer, which has none before it."""
    reading: dict[str, Float[np.ndarray, " head"]]
    """On how few directions what reads is concentrated; see `chance`."""
    writing: Float[np.ndarray, " head"]
    """Likewise what writes."""


@dataclass(frozen=True)
class Compositions:
    """Scores of all pairs of heads; not-a-number unless the one comes before."""

    scores: dict[str, Pairs]
    """For each of `KINDS`."""
    chance: dict[str, Chance]
    """What the same heads would score if they were turned at random."""

    def surprise(self, kind: str) -> Pairs:
        """Return how far each squared score is above chance, in deviations."""
        chance = self.chance[kind]
        return (self.scores[kind] ** 2 - chance.mean) / chance.deviation

    def links(self, kind: str) -> list[Link]:
        """Return the pairs that stand out, the most surprising first.

        A model has many pairs, and the rarest of many is rare: it counts how many
        there are.

        Args:
            kind: One of `KINDS`.
        """
        scores = self.scores[kind]
        pairs = max(int((~np.isnan(scores)).sum()), 1)
        tail = np.nan_to_num(self.chance[kind].tail(scores), nan=1.0)
        return self._links(kind, tail < RARE / pairs)

    def partners(self, kind: str, head: tuple[int, int], count: int) -> list[Link]:
        """Return a head's most surprising pairs, whether they stand out or not.

        Args:
            kind: One of `KINDS`.
            head: Layer and head; it may be the earlier or the later one.
            count: How many.
        """
        known = ~np.isnan(self.scores[kind])
        own = np.zeros_like(known)
        own[head] = True
        own[:, :, head[0], head[1]] = True
        return self._links(kind, known & own, count)

    def _links(
        self, kind: str, wanted: Bool[np.ndarray, "..."], count: int | None = None
    ) -> list[Link]:
        """Return some pairs, the most surprising first.

        Args:
            kind: One of `KINDS`.
            wanted: Which pairs: as the scores are.
            count: At most so many; None: all.
        """
        scores, surprise = self.scores[kind], self.surprise(kind)
        low, high = self.chance[kind].edges()
        places = np.argwhere(wanted)
        order = np.argsort(-surprise[wanted], kind="stable")[:count]
        return [
            Link(
                kind,
                (later, head),
                (earlier, earlier_head),
                *(float(each[place]) for each in (scores, low, high, surprise)),
            )
            for later, head, earlier, earlier_head in places[order].tolist()
            for place in [(later, head, earlier, earlier_head)]
        ]


@torch.inference_mode()
def layer_composition(model: TransformerLM, layer: int) -> LayerComposition:
    """Compute the composition of one layer's heads with all heads before them.

    Args:
        model: The model. Only its attention weights and norms are looked at.
        layer: Which layer reads.
    """
    heads = folded_heads(model, layer)
    readers = dict(zip(KINDS, thin_readers(heads), strict=True))
    before = [thin_writer(folded_heads(model, each)) for each in range(layer)]
    shape = (model.config.num_heads, layer, model.config.num_heads)
    found = {
        kind: overlaps(reader, torch.cat(before)).reshape(shape).cpu().numpy()
        for kind, reader in readers.items()
        if before
    }
    return LayerComposition(
        found,
        {kind: concentration(reader) for kind, reader in readers.items()},
        concentration(thin_writer(heads)),
    )


def compositions(model: TransformerLM) -> Compositions:
    """Compute Q-, K- and V-composition between all pairs of heads.

    Args:
        model: The model. Only its attention weights and norms are looked at.
    """
    layers = range(model.config.num_layers)
    return gathered(model, [layer_composition(model, layer) for layer in layers])


def gathered(model: TransformerLM, layers: Sequence[LayerComposition]) -> Compositions:
    """Put all layers together, and work out what chance would give.

    Args:
        model: The model.
        layers: What `layer_composition` returned for each, in order.
    """
    config = model.config
    shape = (config.num_layers, config.num_heads) * 2
    scores = {kind: np.full(shape, np.nan) for kind in KINDS}
    for place, layer in enumerate(layers):
        for kind, found in layer.scores.items():
            scores[kind][place, :, :place] = found
    # With LayerNorm nobody reads the mean: one direction of the stream less.
    dimensions = max(config.d_model - (config.norm == "layernorm"), 1)
    writing = np.stack([layer.writing for layer in layers])
    chance = {
        kind: chance_of(
            np.stack([layer.reading[kind] for layer in layers]), writing, dimensions
        )
        for kind in KINDS
    }
    return Compositions(scores, chance)


@torch.inference_mode()
def explain_link(
    model: TransformerLM, kind: str, later: tuple[int, int], earlier: tuple[int, int]
) -> Working:
    """Work out one score.

    Args:
        model: The model.
        kind: One of `KINDS`.
        later: Layer and head that reads.
        earlier: Layer and head that writes.
    """
    readers = dict(zip(KINDS, thin_readers(folded_heads(model, later[0])), strict=True))
    reader = readers[kind][later[1]].double()
    writer = thin_writer(folded_heads(model, earlier[0]))[earlier[1]].double()
    product, reads, writes = (
        float(each.norm()) for each in (reader @ writer.T, reader, writer)
    )
    reading = {"q": "W_QKᵀ", "k": "W_QK", "v": "W_OV₂"}[kind]
    return Working(
        f"{kind.upper()} = ‖{reading} · W_OV‖ / (‖{reading}‖ ‖W_OV‖)",
        parts(length_of_the_product=product, what_reads=reads, what_writes=writes),
        f"{number(product)} / ({number(reads)} × {number(writes)})",
        product / (reads * writes),
    )


def thin_writer(heads: FoldedHeads) -> Thin:
    """Return A with ‖M W_O W_V‖ = ‖M Aᵀ‖ for every M, for each head of a layer."""
    return _triangle(heads.v) @ heads.o


def thin_readers(heads: FoldedHeads) -> Iterator[Thin]:
    """Yield, for Q, K and V, A with ‖(what reads) M‖ = ‖A M‖ for every M."""
    yield _triangle(heads.k) @ heads.q
    yield _triangle(heads.q) @ heads.k
    yield _triangle(heads.o) @ heads.v


def overlaps(
    readers: Thin, writers: Float[Tensor, "writer d_head d_model"]
) -> Float[Tensor, "head writer"]:
    """Return ‖A Bᵀ‖ / (‖A‖ ‖B‖) of each reader with each writer.

    Args:
        readers: From `thin_readers`.
        writers: From `thin_writer`, of the heads of several layers.
    """
    products = readers.flatten(0, 1) @ writers.flatten(0, 1).T
    blocks = products.reshape(*readers.shape[:2], *writers.shape[:2])
    lengths = blocks.square().sum(3).sum(1).sqrt()  # [head writer]
    sizes = readers.norm(dim=(1, 2))[:, None] * writers.norm(dim=(1, 2))
    return lengths / sizes.clamp_min(torch.finfo(sizes.dtype).tiny)


def _triangle(matrices: Thin) -> Float[Tensor, "head d_head d_head"]:
    """Return R of Wᵀ = Q R: Q's columns are orthonormal, so ‖Wᵀ M‖ = ‖R M‖."""
    return torch.linalg.qr(matrices.mT, mode="r").R
