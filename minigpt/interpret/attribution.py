"""Direct logit attribution: which parts of the model wrote the answer.

The final residual stream is a sum: embedding, position, every head of every layer,
every MLP. The unembedding is linear. Only the final norm stands between them, and it
divides by one number per token. With that number held at the value it has (its "scale",
frozen), a token's logit is a sum over the parts:

    logit(t) = Σ_part  part · direction(t)  +  shift · W_U[t]
    direction(t) = centre(weight ⊙ W_U[t]) / scale          (RMSNorm: no centring)

This is what a part says *directly*. What it says to later layers is counted as theirs,
and had it been silent, the scale would have been another.

Before: `logit_lens`, when the answer appears. Next: `ablation`, which takes parts away.

Source: Elhage et al., "A Mathematical Framework for Transformer Circuits" (2021);
Wang et al. 2022, arXiv:2211.00593, sec. 3.1, for A minus B.
"""

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.activation_cache import ActivationCache
from minigpt.interpret.logit_lens import unembedding_row
from minigpt.model import Block, TransformerLM
from minigpt.model.norm import LayerNorm, RMSNorm

Kind = Literal["embedding", "position", "head", "bias", "mlp", "norm"]


@dataclass(frozen=True)
class Part:
    """One summand of a logit."""

    name: str
    """`embedding`, `position`, `L1H3`, `L1 bias`, `L1 MLP`, `norm bias`."""
    kind: Kind
    hook: str | None
    """The hook whose value it reads; None where it is a weight alone."""
    layer: int | None = None
    head: int | None = None


@dataclass(frozen=True)
class Attribution:
    """What each part adds to one token's logit, or to A's minus B's."""

    parts: list[Part]
    """In the order in which the model adds them."""
    shares: Float[np.ndarray, " part"]
    logit: float
    """The model's own: the shares add up to it, but for rounding."""
    heads: Float[np.ndarray, "layer head"]
    """The shares of the heads once more, as a matrix."""
    scale: float
    """What the final norm divides by here, held fixed."""

    @property
    def order(self) -> list[int]:
        """Places of the parts, from what adds most to what takes most."""
        places: list[int] = np.argsort(-self.shares, kind="stable").tolist()
        return places

    @property
    def strongest_head(self) -> tuple[int, int]:
        """Layer and head of the largest share, either way."""
        layer, head = divmod(int(np.abs(self.heads).argmax()), self.heads.shape[1])
        return layer, head

    def by_layer(self) -> "Attribution":
        """Return the same sum with the heads and bias of a layer put together."""
        names: dict[str, Part] = {}
        sums: dict[str, float] = {}
        for part, share in zip(self.parts, self.shares.tolist(), strict=True):
            together = part
            if part.kind in ("head", "bias"):
                hook = f"blocks.{part.layer}.hook_attn_out"
                together = Part(f"L{part.layer} attention", "head", hook, part.layer)
            names[together.name] = together
            sums[together.name] = sums.get(together.name, 0.0) + share
        return Attribution(
            list(names.values()),
            np.array(list(sums.values())),
            self.logit,
            self.heads,
            self.scale,
        )


@dataclass(frozen=True)
class Neurons:
    """The neurons of one MLP that add most, either way."""

    neurons: Int[np.ndarray, " k"]
    activations: Float[np.ndarray, " k"]
    """`blocks.{layer}.mlp.hook_post` at the position."""
    shares: Float[np.ndarray, " k"]
    """Activation times what the neuron's output weights say; largest size first."""


@torch.inference_mode()
def attribute(
    model: TransformerLM,
    tokens: list[int],
    position: int,
    token: int,
    minus: int | None = None,
) -> Attribution:
    """Split a token's logit, or the difference of two, into the model's parts.

    Args:
        model: In evaluation mode.
        tokens: Ids of the prompt.
        position: After which of them the logit is read.
        token: A, the id whose logit is split.
        minus: B: split logit(A) − logit(B) instead.
    """
    logits, cache = _read(model, tokens[: position + 1])
    scale = cache["ln_final.hook_scale"][0, -1]  # [1]
    unembedding = _unembedding(model, token, minus)
    direction = _direction(model.ln_final, unembedding, scale)
    parts, shares = _first_parts(model, cache, direction)
    heads = []
    for layer in range(model.config.num_layers):
        by_head = _head_shares(_block(model, layer), cache["z", layer], direction)
        heads.append(by_head)
        parts += [
            Part(f"L{layer}H{head}", "head", f"blocks.{layer}.attn.hook_z", layer, head)
            for head in range(len(by_head))
        ]
        layer_parts, layer_shares = _other_parts(model, cache, layer, direction)
        parts += layer_parts
        shares += [*by_head, *layer_shares]
    shift = getattr(model.ln_final, "bias", None)
    if shift is not None:
        parts.append(Part("norm bias", "norm", None))
        shares.append(shift @ unembedding)
    last = logits[0, -1]
    return Attribution(
        parts=parts,
        shares=torch.stack(shares).cpu().numpy(),
        logit=float(last[token] - (0.0 if minus is None else last[minus])),
        heads=torch.stack(heads).cpu().numpy(),
        scale=float(scale),
    )


@torch.inference_mode()
def top_neurons(
    model: TransformerLM,
    tokens: list[int],
    position: int,
    layer: int,
    token: int,
    minus: int | None = None,
    k: int = 10,
) -> Neurons:
    """Find the neurons of one MLP that add most to a logit, or take most from it.

    Args:
        model: With an MLP, in evaluation mode.
        tokens: Ids of the prompt.
        position: After which of them the logit is read.
        layer: Whose MLP.
        token: A, as in `attribute`.
        minus: B, as in `attribute`.
        k: How many neurons.
    """
    _, cache = _read(model, tokens[: position + 1])
    scale = cache["ln_final.hook_scale"][0, -1]
    direction = _direction(model.ln_final, _unembedding(model, token, minus), scale)
    fired = cache["post", layer][0, -1]  # [d_ff]
    shares = fired * (direction @ _block(model, layer).mlp.output.weight)
    strongest = shares.abs().topk(min(k, len(shares))).indices
    return Neurons(
        neurons=strongest.cpu().numpy(),
        activations=fired[strongest].cpu().numpy(),
        shares=shares[strongest].cpu().numpy(),
    )


@torch.inference_mode()
def decisive_entry(
    model: TransformerLM,
    tokens: list[int],
    position: int,
    part: Part,
    token: int,
    minus: int | None = None,
) -> tuple[int, ...]:
    """Return the place, in a part's hook, of the number that does most for its share.

    Args:
        model: In evaluation mode.
        tokens: Ids of the prompt.
        position: After which of them the logit is read.
        part: With a hook: one of an `Attribution`'s.
        token: A, as in `attribute`.
        minus: B, as in `attribute`.

    Returns:
        (0, position, dimension), or for a head (0, position, head, dimension).
    """
    _, cache = _read(model, tokens[: position + 1])
    scale = cache["ln_final.hook_scale"][0, -1]
    weights = _direction(model.ln_final, _unembedding(model, token, minus), scale)
    value = cache[str(part.hook)][0, -1]
    if part.layer is None or part.head is None:
        return 0, position, int((value * weights).abs().argmax())
    output = _block(model, part.layer).attn.output.weight
    terms = value * (weights @ output).view(value.shape)  # [head d_head]
    return 0, position, part.head, int(terms[part.head].abs().argmax())


def _read(model: TransformerLM, tokens: list[int]) -> tuple[Tensor, ActivationCache]:
    wanted = (
        "hook_embed",
        "hook_pos_embed",
        "attn.hook_z",
        "hook_mlp_out",
        "mlp.hook_post",
        "ln_final.hook_scale",
    )
    ids = torch.tensor([tokens], device=model.device)
    return model.run_with_cache(ids, lambda name: name.endswith(wanted))


def _unembedding(
    model: TransformerLM, token: int, minus: int | None
) -> Float[Tensor, " d_model"]:
    """Return W_U[A], or W_U[A] − W_U[B]."""
    row = unembedding_row(model, token)
    return row if minus is None else row - unembedding_row(model, minus)


def _direction(
    norm: LayerNorm | RMSNorm,
    unembedding: Float[Tensor, " d_model"],
    scale: Float[Tensor, " 1"],
) -> Float[Tensor, " d_model"]:
    """Return the direction of the residual stream that the logit is read along."""
    weighted = unembedding if norm.weight is None else norm.weight * unembedding
    # Centring is a projection: done to the direction, it is done to every part.
    if isinstance(norm, LayerNorm):
        weighted = weighted - weighted.mean()
    return weighted / scale


def _first_parts(
    model: TransformerLM, cache: ActivationCache, direction: Float[Tensor, " d_model"]
) -> tuple[list[Part], list[Tensor]]:
    """Return what stands in the stream before any block."""
    parts = [Part("embedding", "embedding", "hook_embed")]
    if model.position_embedding is not None:
        parts.append(Part("position", "position", "hook_pos_embed"))
    return parts, [cache[str(part.hook)][0, -1] @ direction for part in parts]


def _head_shares(
    block: Block,
    z: Float[Tensor, "1 pos head d_head"],
    direction: Float[Tensor, " d_model"],
) -> Float[Tensor, " head"]:
    """Return each head's share: its z, through its slice of the output weights."""
    per_head = (direction @ block.attn.output.weight).view(z.shape[2:])
    return (z[0, -1] * per_head).sum(-1)


def _other_parts(
    model: TransformerLM,
    cache: ActivationCache,
    layer: int,
    direction: Float[Tensor, " d_model"],
) -> tuple[list[Part], list[Tensor]]:
    """Return what a layer adds besides its heads: attention's bias, and its MLP."""
    parts: list[Part] = []
    shares: list[Tensor] = []
    block = _block(model, layer)
    if block.attn.output.bias is not None:
        parts.append(Part(f"L{layer} bias", "bias", None, layer))
        shares.append(block.attn.output.bias @ direction)
    if block.has_mlp:
        parts.append(
            Part(f"L{layer} MLP", "mlp", f"blocks.{layer}.hook_mlp_out", layer)
        )
        shares.append(cache["mlp_out", layer][0, -1] @ direction)
    return parts, shares


def _block(model: TransformerLM, layer: int) -> Block:
    return cast(Block, model.blocks[layer])
