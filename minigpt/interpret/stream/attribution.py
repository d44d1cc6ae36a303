"""Direct logit attribution: which parts of the model wrote the answer.

The final residual stream is a sum: embedding, position, every head of every layer,
every MLP. The unembedding is linear. Only the final norm stands between them, and it
divides by one number per token. With that number held at the value it has (its "scale",
frozen), a token's logit is a sum over the parts:

    logit(t) = Σ_part  part · direction(t)  +  shift · W_U[t]
    direction(t) = centre(weight ⊙ W_U[t]) / scale          (RMSNorm: no centring)

This is what a part says *directly*. What it says to later layers is counted as theirs,
and had it been silent, the scale would have been another.

Before: `logit_lens`, when the answer appears. Next: `part_lens`, every token at
once; `attribution_detail`, one part's neurons; `ablation`, which takes parts away.

Source: Elhage et al., "A Mathematical Framework for Transformer Circuits" (2021);
Wang et al. 2022, arXiv:2211.00593, sec. 3.1, for A minus B.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.activation_cache import ActivationCache
from minigpt.interpret.heads.attention_steps import affine
from minigpt.interpret.stream.logit_direction import (
    block_at,
    held_norm,
    logit_direction,
    read_parts,
    unembedding,
)
from minigpt.model import Block, TransformerLM

Kind = Literal["embedding", "shift", "position", "head", "bias", "mlp", "norm"]


@dataclass(frozen=True)
class LogitPart:
    """One summand of a logit."""

    name: str
    """`embedding`, `token before`, `position`, `L1H3`, `L1 bias`, `L1 MLP`, or
    `norm bias`."""
    kind: Kind
    hook: str | None
    """The hook whose value it reads; None where it is a weight alone."""
    layer: int | None = None
    head: int | None = None


NORM_BIAS = LogitPart("norm bias", "norm", None)
"""The final norm's shift, which comes after its division: the last summand."""


HEAD_BIAS = LogitPart("head bias", "norm", None)
"""What the head adds to a token's logit, whatever the stream says."""


@dataclass(frozen=True)
class Attribution:
    """What each part adds to one token's logit, or to A's minus B's."""

    parts: list[LogitPart]
    """In the order in which the model adds them."""
    shares: Float[np.ndarray, " part"]
    logit: float
    """The model's own: the shares add up to it, but for rounding. Where the model bends
    its logits (`logit_softcap`), the one before that."""
    heads: Float[np.ndarray, "layer head"]
    """The shares of the heads once more, as a matrix."""
    scale: float
    """What the final norm divides by here, held fixed."""
    softcap: float | None
    """Within what the model bends its logits, if it does."""

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
        names: dict[str, LogitPart] = {}
        sums: dict[str, float] = {}
        for part, share in zip(self.parts, self.shares.tolist(), strict=True):
            together = part
            if part.kind in ("head", "bias"):
                hook = f"blocks.{part.layer}.hook_attn_out"
                together = LogitPart(
                    f"L{part.layer} attention", "head", hook, part.layer
                )
            names[together.name] = together
            sums[together.name] = sums.get(together.name, 0.0) + share
        return Attribution(
            list(names.values()),
            np.array(list(sums.values())),
            self.logit,
            self.heads,
            self.scale,
            self.softcap,
        )


@torch.inference_mode()
def attribute(
    model: TransformerLM,
    tokens: list[int],
    position: int,
    token: int,
    minus: int | None = None,
) -> Attribution:
    """Split a token's logit, or the difference of two, into what each part adds.

        logit(A) = Σ_part  part · direction        (the final norm's scale held fixed)

    Args:
        model: In evaluation mode.
        tokens: Ids of the prompt.
        position: The token after which the logit is read, counted from 0.
        token: The id A whose logit is split.
        minus: An id B: split logit(A) − logit(B) instead.

    Returns:
        The parts and their shares, in logits.

    Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits".
    """
    logits, cache = read_parts(model, tokens[: position + 1])
    scale = cache["ln_final.hook_scale"][0, -1]  # [1]
    row = unembedding(model, token, minus)
    parts, vectors = part_vectors(model, cache)
    shares = vectors @ logit_direction(model.ln_final, row, scale)
    shift = getattr(model.ln_final, "bias", None)
    if shift is not None:
        parts.append(NORM_BIAS)
        shares = torch.cat([shares, (shift @ row)[None]])
    own = model.head_bias
    if own is not None:
        parts.append(HEAD_BIAS)
        added = own[token] if minus is None else own[token] - own[minus]
        shares = torch.cat([shares, added[None]])
    is_head = torch.tensor([part.kind == "head" for part in parts])
    last = logits[0, -1]
    if model.config.logit_softcap is not None:
        last = model.compare(affine(model.ln_final, cache["ln_final.hook_normalized"]))
        last = last[0, -1] if own is None else last[0, -1] + own
    return Attribution(
        parts=parts,
        shares=shares.cpu().numpy(),
        logit=float(last[token] - (0.0 if minus is None else last[minus])),
        heads=shares.cpu()[is_head].view(model.config.num_layers, -1).numpy(),
        scale=float(scale),
        softcap=model.config.logit_softcap,
    )


def part_vectors(
    model: TransformerLM, cache: ActivationCache
) -> tuple[list[LogitPart], Float[Tensor, "part d_model"]]:
    """Return what every part adds to the stream at the last position.

    Their sum is the stream's end. The final norm's bias comes after it.

    Args:
        model: In evaluation mode.
        cache: From `read_parts`.
    """
    parts, vectors = _first_parts(model, cache)
    for layer in range(model.config.num_layers):
        heads = _head_vectors(block_at(model, layer), cache["z", layer])
        heads = _behind_norm(model, cache, layer, heads)
        parts += [
            LogitPart(
                f"L{layer}H{head}", "head", f"blocks.{layer}.attn.hook_z", layer, head
            )
            for head in range(len(heads))
        ]
        layer_parts, layer_vectors = _other_parts(model, cache, layer)
        parts += layer_parts
        vectors += [*heads, *layer_vectors]
    return parts, torch.stack(vectors)


def _first_parts(
    model: TransformerLM, cache: ActivationCache
) -> tuple[list[LogitPart], list[Tensor]]:
    """Return what stands in the stream before any block."""
    parts = [LogitPart("embedding", "embedding", model.embedding_hook)]
    if model.token_shift is not None:
        parts.append(LogitPart("token before", "shift", "hook_token_shift"))
    if model.position_embedding is not None:
        parts.append(LogitPart("position", "position", "hook_pos_embed"))
    return parts, [cache[str(part.hook)][0, -1] for part in parts]


def _head_vectors(
    block: Block, z: Float[Tensor, "1 pos head d_head"]
) -> Float[Tensor, "head d_model"]:
    """Return what each head adds: its z, through its slice of the output weights."""
    slices = block.attn.output.weight.view(-1, *z.shape[2:])  # [d_model head d_head]
    return (slices * z[0, -1]).sum(-1).T


def _behind_norm(
    model: TransformerLM, cache: ActivationCache, layer: int, written: Tensor
) -> Tensor:
    """Return what is left of parts of attention behind the norm of all of it, if any.

    Args:
        model: Whose block.
        cache: From `read_parts`.
        layer: Which block.
        written: [part d_model].
    """
    norm = block_at(model, layer).ln1_post
    if norm is None:
        return written
    return held_norm(norm, written, cache[f"blocks.{layer}.ln1_post.hook_scale"][0, -1])


def _attention_bias(
    model: TransformerLM, cache: ActivationCache, layer: int
) -> Tensor | None:
    """Return what attention adds that belongs to no head, if anything."""
    block = block_at(model, layer)
    bias: Tensor | None = block.attn.output.bias
    if bias is not None:
        bias = _behind_norm(model, cache, layer, bias)
    shift = getattr(block.ln1_post, "bias", None)
    if shift is not None:
        bias = shift if bias is None else bias + shift
    return bias


def _other_parts(
    model: TransformerLM, cache: ActivationCache, layer: int
) -> tuple[list[LogitPart], list[Tensor]]:
    """Return what a layer adds besides its heads: attention's bias, and its MLP."""
    parts: list[LogitPart] = []
    vectors: list[Tensor] = []
    block = block_at(model, layer)
    bias = _attention_bias(model, cache, layer)
    if bias is not None:
        parts.append(LogitPart(f"L{layer} bias", "bias", None, layer))
        vectors.append(bias)
    if block.has_mlp:
        parts.append(
            LogitPart(f"L{layer} MLP", "mlp", f"blocks.{layer}.hook_mlp_out", layer)
        )
        vectors.append(cache["mlp_out", layer][0, -1])
    return parts, vectors
