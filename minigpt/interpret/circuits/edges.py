"""Edges: how much of what a node does comes from each node before it.

In a frozen run everything a part reads is a sum over the parts before it, and so is all
that follows:

    value:  A[q, k] · (v_part[k] · worth[q])       what the head moves from k to q
    key:    slope_k[q, k] · (q[q] · k_part[k])/√d  whether it finds k
    query:  Σ_k slope_q[q, k] · (q_part[q] · k[k])/√d   what it looks for at q
    MLP, logits: part · direction                   read at the same token

`x_part` is what one part adds to x beyond its mean. The edges that leave a node add up
to its effect; those into the logits add up to the difference, beside what the means
alone give.

Before: `frozen`. Next: `search`; `viz.circuits.circuit_graph` draws them.

Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"; Syed
et al. 2023, arXiv:2310.10348.
"""

import math
from typing import Final, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from minigpt.interpret.circuits.frozen import FrozenRun, by_head
from minigpt.interpret.circuits.nodes import (
    Node,
    Part,
    Site,
    parts_of,
    sites_of,
    written,
)
from minigpt.interpret.circuits.pattern_slopes import key_slopes, query_slopes
from minigpt.interpret.stream.logit_direction import (
    block_at,
    held_norm,
    logit_direction,
    unembedding,
)

Shares = Float[Tensor, "part pos"]

THROUGH: Final = ("value", "query", "key", "input")
"""What of a node reads: a head's three, or the input of an MLP or of the logits."""


class Edge(NamedTuple):
    """One node reads another."""

    source: Node
    target: Node | None
    """None: the logits."""
    through: str
    """One of `THROUGH`."""
    share: float
    """Logits of the difference that go this way."""


@torch.no_grad()
def edges_between(run: FrozenRun, kept: Bool[np.ndarray, "part pos"]) -> list[Edge]:
    """Return all edges between some nodes, and from them to the logits.

    Args:
        run: The model on the prompt, held still.
        kept: Which nodes.

    Returns:
        The largest first.
    """
    wanted = torch.as_tensor(kept, device=run.model.device)
    targets: list[Node | None] = [Node(*place) for place in wanted.nonzero().tolist()]
    edges = []
    for target in [*targets, None]:
        for through, shares in edges_into(run, target).items():
            found = shares * wanted[: len(shares)]
            edges += [
                Edge(Node(*place), target, through, float(found[tuple(place)]))
                for place in found.nonzero().tolist()
            ]
    return sorted(edges, key=lambda edge: -abs(edge.share))


@torch.no_grad()
def edges_into(run: FrozenRun, target: Node | None) -> dict[str, Shares]:
    """Return what each earlier node gives one node, in logits of the difference.

    Args:
        run: The model on the prompt, held still.
        target: Which node; None: the logits.

    Returns:
        For each way it reads, shares [part pos] of the parts before it.
    """
    if target is None:
        direction = final_direction(run)
        shares = torch.zeros(len(parts_of(run.model)), len(run.asked.tokens))
        shares[:, -1] = before(run, None)[:, -1] @ direction
        return {"input": shares}
    part = parts_of(run.model)[target.part]
    if part.kind == "head":
        return _into_head(run, part, target.position)
    if part.kind == "mlp":
        return {"input": _into_mlp(run, part, target.position)}
    if part.kind == "shift":
        return {"input": _into_shift(run, target.position)}
    return {}


def final_direction(run: FrozenRun) -> Float[Tensor, " d_model"]:
    """Return the direction along which the difference is read from the stream."""
    row = unembedding(run.model, run.asked.answer, run.asked.rival)
    scale = run.scales["ln_final.hook_scale"][0, -1]
    return logit_direction(run.model.ln_final, row, scale)


@torch.no_grad()
def from_means(run: FrozenRun) -> float:
    """Return the difference that the means of all parts give, through this norm.

    With the edges into the logits, it adds up to the model's own.
    """
    model = run.model
    mean = torch.zeros(model.config.d_model, device=model.device)
    for site in sites_of(model):
        held = run.means.values[site.hook][None]
        mean = mean + written(model, site, held).sum(0)[0]
        bias = None
        if site.parts[0].kind == "head":
            bias = block_at(model, site.parts[0].layer).attn.output.bias
        mean = mean if bias is None else mean + bias
    row = unembedding(model, run.asked.answer, run.asked.rival)
    shift = getattr(model.ln_final, "bias", None)
    constant = mean @ final_direction(run)
    if model.head_bias is not None:
        answer, rival = model.head_bias[[run.asked.answer, run.asked.rival]]
        constant = constant + answer - rival
    return float(constant if shift is None else constant + shift @ row)


def before(run: FrozenRun, site: Site | None) -> Float[Tensor, "part pos d_model"]:
    """Return what each part before a site writes beyond its mean; None: every part.

    Heads of one layer do not read each other. An MLP reads those of its own layer,
    unless it stands beside them.
    """
    end = len(parts_of(run.model)) if site is None else site.first
    beside = run.model.config.parallel_mlp and site is not None
    if beside and site is not None and site.parts[0].kind == "mlp":
        end -= run.model.config.num_heads
    found = [
        written(run.model, each, run.deviation(each))
        for each in sites_of(run.model)
        if each.first < end
    ]
    return torch.cat(found)


def _site_of(run: FrozenRun, part: Part) -> Site:
    return next(site for site in sites_of(run.model) if part in site.parts)


def _into_head(run: FrozenRun, part: Part, position: int) -> dict[str, Shares]:
    """Return what each earlier node gives a head at one token, in three ways."""
    layer, head = run.layers[part.layer], part.head
    site = _site_of(run, part)
    worth = run.worth[site.hook][position, head]  # [d_head]
    read = type(layer.read)(
        *(each[head, position][None, None] for each in layer.read)
    )  # [1 1 k_pos]
    gain = (layer.v[head] @ worth)[None, None]
    size = math.sqrt(len(worth))
    q, k, v = _read_parts(run, site, part)
    shares = {
        "value": read.pattern[0, 0] * (v @ worth),
        "key": key_slopes(read, gain)[0, 0] * (k @ layer.q[head, position]) / size,
        "query": torch.zeros(q.shape[:2], device=q.device),
    }
    looked_for = query_slopes(read, gain)[0, 0] @ layer.k[head] / size
    shares["query"][:, position] = q[:, position] @ looked_for
    return shares


def _read_parts(
    run: FrozenRun, site: Site, part: Part
) -> list[Float[Tensor, "part pos d_head"]]:
    """Return what each earlier part adds to a head's queries, keys and values."""
    block = block_at(run.model, part.layer)
    attention, at = block.attn, f"blocks.{part.layer}."
    x = held_norm(block.ln1, before(run, site), run.scales[f"{at}ln1.hook_scale"][0])
    joined = F.linear(x, attention.qkv.weight)
    found = []
    for what, each in zip(
        "qkv", torch.split(joined, attention.widths, dim=-1), strict=True
    ):
        parts = each.reshape(
            *each.shape[:2], -1, attention.d_head
        )  # [part pos head d_head]
        norm = {"q": attention.q_norm, "k": attention.k_norm}.get(what)
        if norm is not None:
            scale = run.scales[f"{at}attn.{what}_norm.hook_scale"][0]
            parts = held_norm(norm, parts, scale)
        found.append(by_head(attention, parts, turns=what != "v")[:, part.head])
    return found


def _into_mlp(run: FrozenRun, part: Part, position: int) -> Shares:
    """Return what each earlier node gives an MLP at one token."""
    block, at = block_at(run.model, part.layer), f"blocks.{part.layer}."
    site = _site_of(run, part)
    neurons = run.worth[site.hook][position] @ block.mlp.output.weight  # [d_ff]
    row = torch.zeros(run.model.config.d_model, device=neurons.device)
    for hook, weights in (("hook_pre", "input"), ("hook_pre_linear", "gate")):
        factors = run.factors.get(f"{at}mlp.{hook}")
        if factors is not None:
            matrix = getattr(block.mlp, weights).weight
            row = row + (neurons * factors[position]) @ matrix
    scale = run.scales[f"{at}ln2.hook_scale"][0, position]
    parts = before(run, site)
    shares = torch.zeros(parts.shape[:2], device=parts.device)
    shares[:, position] = parts[:, position] @ logit_direction(block.ln2, row, scale)
    return shares


def _into_shift(run: FrozenRun, position: int) -> Shares:
    """Return what the embedding before gives the token shift at one token."""
    sites = sites_of(run.model)
    shares = torch.zeros(1, len(run.asked.tokens), device=run.model.device)
    shift = run.model.token_shift
    if shift is not None and position > 0:
        own = run.deviation(sites[0])[position - 1] * shift.mix
        shares[0, position - 1] = own @ run.worth["hook_token_shift"][position]
    return shares
