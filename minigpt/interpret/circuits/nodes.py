"""Nodes of a circuit: one part of the model at one token, and what stands in for it.

A part is the token embedding, a position's embedding, a head or an MLP: all that adds
to the residual stream. At each token of a prompt it is a node, `L1H0` at `kite`, which
can be kept or replaced by the part's mean over other texts. Arrays of nodes are
[part pos], with the parts in the order in which the model computes them.

Next: `frozen`, what each node adds to an answer; `keeping`, which replaces nodes.

Source: Wang et al. 2022, arXiv:2211.00593, section 2.1, for circuits and means; Haklay
et al. 2025, arXiv:2502.04577, for nodes that have a position.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.interpret.corpora import Windows
from minigpt.interpret.interventions.interventions import as_windows
from minigpt.interpret.stream.logit_direction import block_at
from minigpt.model import TransformerLM

Kind = Literal["embedding", "shift", "position", "head", "mlp"]


class Part(NamedTuple):
    """What adds to the residual stream, at every token."""

    kind: Kind
    layer: int = -1
    """−1 before the first block."""
    head: int = 0

    @property
    def name(self) -> str:
        """As on the other pages: `embedding`, `token before`, `L0H1`, `L0 MLP`."""
        named = {
            "embedding": "embedding",
            "shift": "token before",
            "position": "position",
            "head": f"L{self.layer}H{self.head}",
            "mlp": f"L{self.layer} MLP",
        }
        return named[self.kind]


class Node(NamedTuple):
    """A part at one token."""

    part: int
    """Its place in `parts_of`."""
    position: int


class Site(NamedTuple):
    """A hook, and the parts whose values it holds."""

    hook: str
    first: int
    """Place of its first part in `parts_of`."""
    parts: tuple[Part, ...]
    """All heads of a layer, or one other part."""

    @property
    def rows(self) -> slice:
        """Which rows of an array [part …] are its own."""
        return slice(self.first, self.first + len(self.parts))


def sites_of(model: TransformerLM) -> list[Site]:
    """Return where a model's parts are, in the order of the computation."""
    config = model.config
    held: list[tuple[str, tuple[Part, ...]]] = [
        (model.embedding_hook, (Part("embedding"),))
    ]
    if model.token_shift is not None:
        held.append(("hook_token_shift", (Part("shift"),)))
    if model.position_embedding is not None:
        held.append(("hook_pos_embed", (Part("position"),)))
    for layer in range(config.num_layers):
        heads = tuple(Part("head", layer, head) for head in range(config.num_heads))
        held.append((f"blocks.{layer}.attn.hook_z", heads))
        if config.mlp_width:
            held.append((f"blocks.{layer}.hook_mlp_out", (Part("mlp", layer),)))
    sites, first = [], 0
    for hook, parts in held:
        sites.append(Site(hook, first, parts))
        first += len(parts)
    return sites


def parts_of(model: TransformerLM) -> list[Part]:
    """Return a model's parts, in the order of the computation."""
    return [part for site in sites_of(model) for part in site.parts]


@dataclass(frozen=True)
class Means:
    """What each part holds on average: over all positions of some texts."""

    values: Mapping[str, Tensor]
    """By hook of a site: [d_model], or [head d_head] of z."""
    reads: Mapping[str, Tensor]
    """Of `hook_q` and `hook_k` of every layer: [head d_head]."""


def mean_values(model: TransformerLM, windows: Windows) -> Means:
    """Average every part over all positions of some texts.

    Args:
        model: In evaluation mode.
        windows: Texts of equal length, as a rule held out from the training.
    """
    values = [site.hook for site in sites_of(model)]
    reads = [
        f"blocks.{layer}.attn.hook_{what}"
        for layer in range(model.config.num_layers)
        for what in "qk"
    ]
    with torch.inference_mode(mode=False), torch.no_grad():
        _, cache = model.run_with_cache(as_windows(model, windows), [*values, *reads])
    means = {name: cache[name].mean((0, 1)) for name in (*values, *reads)}
    return Means(
        {name: means[name] for name in values}, {name: means[name] for name in reads}
    )


def written(
    model: TransformerLM, site: Site, values: Float[Tensor, "pos *rest"]
) -> Float[Tensor, "part pos d_model"]:
    """Return what a site's parts write to the stream, of values at its hook.

    A head's z goes through its slice of the output weights; attention's bias belongs
    to no head and is left out.
    """
    if site.parts[0].kind != "head":
        return values[None]
    output = block_at(model, site.parts[0].layer).attn.output.weight
    by_head = output.view(-1, *values.shape[1:])
    return torch.einsum("phd,mhd->hpm", values, by_head)
