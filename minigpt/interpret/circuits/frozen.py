"""An answer as a sum over nodes: the model with all that bends it held still.

What a part does to an answer is hard to say, since everything bends it on the way. So
one run of the model is frozen: each norm divides by what it divided by here, each
neuron multiplies its input by what it did here, each pattern reads what it read here.
What is left is a straight line from every node to logit(answer) − logit(rival), and its
slope is the node's worth:

    effect[node] = (value − mean) · ∂ difference / ∂ value

That is what the difference is predicted to lose if the mean stood there instead. A node
can also matter because a later head *finds* a token by it: scores keep the slopes of
`pattern_slopes`, all else is exact for this text.

Before: `nodes`. Next: `edges`, which follows the lines; `search`, which prunes by them.

Source: Nanda 2023, "Attribution Patching"; Syed et al. 2023, arXiv:2310.10348, for
edges; Achtibat et al. 2024, arXiv:2402.05602, for a neuron's fixed factor.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.errors import DataError
from minigpt.hooks import HookPoint
from minigpt.interpret.circuits.keeping import Asked
from minigpt.interpret.circuits.nodes import Means, Site, sites_of
from minigpt.interpret.circuits.pattern_slopes import Read, StraightPattern
from minigpt.interpret.interventions.interventions import Hooks
from minigpt.interpret.stream.logit_direction import block_at
from minigpt.model import TransformerLM
from minigpt.model.attention import MultiHeadAttention

TINY = 1e-6
"""A neuron's input nearer to 0 has no factor worth speaking of."""


class LayerRead(NamedTuple):
    """What the heads of a layer ask, offer and give; groups and RoPE worked out."""

    q: Float[Tensor, "head pos d_head"]
    k: Float[Tensor, "head pos d_head"]
    v: Float[Tensor, "head pos d_head"]
    read: Read


@dataclass(frozen=True)
class FrozenRun:
    """One run of a model on a prompt, held still, and the slope of the answer."""

    model: TransformerLM
    asked: Asked
    means: Means
    difference: float
    """logit(answer) − logit(rival), as the model has it."""
    values: Mapping[str, Tensor]
    """By hook of a site: [pos d_model], or [pos head d_head] of z."""
    worth: Mapping[str, Tensor]
    """The difference's slope at each of them, in logits per unit."""
    scales: Mapping[str, Tensor]
    """What each norm divides by."""
    factors: Mapping[str, Tensor]
    """What each neuron multiplies its inputs by."""
    layers: tuple[LayerRead, ...]

    @property
    def effects(self) -> Float[Tensor, "part pos"]:
        """How much the difference is predicted to lose without each node, in logits."""
        return torch.cat([self._effects(site) for site in sites_of(self.model)])

    def deviation(self, site: Site) -> Tensor:
        """Return what a site holds beyond the mean."""
        return self.values[site.hook] - self.means.values[site.hook]

    def _effects(self, site: Site) -> Float[Tensor, "part pos"]:
        effects = (self.deviation(site) * self.worth[site.hook]).sum(-1)
        return effects.T if effects.ndim == 2 else effects[None]


def freeze(model: TransformerLM, asked: Asked, means: Means) -> FrozenRun:
    """Run a model once, and hold still what bends it.

        effect[node] = (value − mean) · ∂ difference / ∂ value

    Args:
        model: In evaluation mode; it is left as it was.
        asked: Prompt, answer and rival.
        means: What would stand in for each node.

    Raises:
        DataError: If the model bends what this method takes to be straight.

    Source: Nanda 2023, "Attribution Patching: Activation Patching At Industrial Scale".
    """
    _require_straight(model)
    freezing = _Freezing(model, means)
    text = torch.tensor([asked.tokens], device=model.device)
    with torch.inference_mode(mode=False), torch.enable_grad():
        last = model.run_with_hooks(text, freezing.hooks())[0, -1]
        difference = last[asked.answer] - last[asked.rival]
        values = freezing.values
        worth = torch.autograd.grad(
            difference, list(values.values()), materialize_grads=True
        )
    return FrozenRun(
        model,
        asked,
        means,
        float(difference.detach()),
        {name: value.detach()[0] for name, value in values.items()},
        {name: each[0] for name, each in zip(values, worth, strict=True)},
        freezing.scales,
        freezing.factors,
        tuple(freezing.layers),
    )


def _require_straight(model: TransformerLM) -> None:
    config = model.config
    off = {"post_norms": False, "attention_softcap": None, "logit_softcap": None}
    used = [name for name, value in off.items() if getattr(config, name) != value]
    if used:
        raise DataError(
            "A circuit is searched where parts add straight to the stream and scores "
            f"and logits are not bent, and this model has {' and '.join(used)}: choose "
            "another model."
        )


class _Freezing:
    """The hooks that hold a run still, and what they see."""

    def __init__(self, model: TransformerLM, means: Means) -> None:
        self.model, self.means = model, means
        self.sites = [site.hook for site in sites_of(model)]
        self.values: dict[str, Tensor] = {}
        self.scales: dict[str, Tensor] = {}
        self.factors: dict[str, Tensor] = {}
        self.layers: list[LayerRead] = []
        self.seen: dict[str, Tensor] = {}

    def hooks(self) -> Hooks:
        """Return the hooks of one run."""
        hooks: Hooks = [(name, self._watch) for name in self.sites]
        for name in self.model.hook_points:
            if name.endswith("hook_scale"):
                hooks.append((name, self._hold))
            elif name.endswith(SEEN):
                hooks.append((name, self._see))
            elif name.endswith("mlp.hook_post"):
                hooks.append((name, self._fix_factors))
            elif name.endswith("attn.hook_pattern"):
                hooks.append((name, self._straighten))
        return hooks

    def _watch(self, value: Tensor, hook: HookPoint) -> Tensor:
        # With frozen weights nothing upstream asks for gradients: start here.
        if not value.requires_grad:
            value = value.detach().requires_grad_()
        self.values[hook.name] = value
        return value

    def _hold(self, value: Tensor, hook: HookPoint) -> Tensor:
        self.scales[hook.name] = value.detach()
        return value.detach()

    def _see(self, value: Tensor, hook: HookPoint) -> None:
        self.seen[hook.name] = value

    def _fix_factors(self, value: Tensor, hook: HookPoint) -> Tensor:
        """Write a neuron's output as its inputs times what each is multiplied by.

        Of two inputs that are multiplied with each other, each answers for half.
        """
        before = hook.name.removesuffix("hook_post")
        inputs = {
            name: self.seen[before + name]
            for name in ("hook_pre", "hook_pre_linear")
            if before + name in self.seen
        }
        straight = torch.zeros_like(value)
        for name, each in inputs.items():
            safe = torch.where(each.abs() < TINY, TINY, each)
            factor = (value / safe / len(inputs)).detach()
            self.factors[before + name] = factor[0]
            straight = straight + each * factor
        return straight

    def _straighten(self, value: Tensor, hook: HookPoint) -> Tensor:
        """Give the pattern its slopes to queries and keys."""
        at = hook.name.removesuffix("hook_pattern")
        attention = block_at(self.model, len(self.layers)).attn
        q, k, v = (self.seen[f"{at}hook_{what}"] for what in "qkv")
        mean_q, mean_k = (
            self.means.reads[f"{at}hook_{what}"].expand_as(own)
            for what, own in (("q", q), ("k", k))
        )
        q, k = by_head(attention, q), by_head(attention, k)
        still = q.detach(), k.detach()
        size = math.sqrt(attention.d_head)
        read = Read(
            pattern=value.detach(),
            scores=self.seen[f"{at}hook_attn_scores"].detach(),
            by_query=(still[0] - by_head(attention, mean_q)) @ still[1].mT / size,
            by_key=still[0] @ (still[1] - by_head(attention, mean_k)).mT / size,
        )
        values = by_head(attention, v.detach(), turns=False)
        self.layers.append(
            LayerRead(still[0][0], still[1][0], values[0], Read(*(x[0] for x in read)))
        )
        straight: Tensor = StraightPattern.apply(  # type: ignore[no-untyped-call]
            q @ still[1].mT / size, still[0] @ k.mT / size, *read
        )
        return straight


SEEN = (
    *("attn.hook_q", "attn.hook_k", "attn.hook_v", "attn.hook_attn_scores"),
    *("mlp.hook_pre", "mlp.hook_pre_linear"),
)
"""Hooks whose values later ones need."""


def by_head(
    attention: MultiHeadAttention, read: Tensor, *, turns: bool = True
) -> Float[Tensor, "batch head pos d_head"]:
    """Return queries, keys or values as the heads use them.

    Args:
        attention: Whose heads they are.
        read: [batch pos head d_head], or fewer heads that groups share.
        turns: Whether RoPE turns them.
    """
    if turns and attention.rotary is not None:
        read = attention.rotary(read, 0)
    group = attention.num_heads // read.shape[2]
    return read.transpose(1, 2).repeat_interleave(group, dim=1)
