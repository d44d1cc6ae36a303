"""The four matrices of each head, with the norm that stands before them folded in.

    q = W_Q · diag(w) · C · x / scale + …        w, C: of ln1;  the same for k and v

A norm centres the stream (LayerNorm: C = I − 11ᵀ / d_model), divides it by its scale
and weights it. Centring and weighting are linear, so they can be done to the matrices
instead, once for all texts: they are folded. Dividing by the scale is not linear. It
changes the size of what is read and never its direction, and is left out wherever a
text would be needed to know it.

Next: `composition`, which multiplies one head's matrices with another's, and `copying`.

Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits", for the
matrices; TransformerLens, `fold_ln` and `center_writing_weights`, for the folding.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.interpret.stream.logit_direction import block_at, held_norm
from minigpt.model import LayerNorm, RMSNorm, TransformerLM

ByHead = Float[Tensor, "head d_head d_model"]


@dataclass(frozen=True)
class FoldedHeads:
    """The matrices of all heads of a layer. Key/value heads that are shared repeat."""

    q: ByHead
    k: ByHead
    v: ByHead
    o: ByHead
    """Row i is what the value's number i writes to the stream."""


@torch.no_grad()
def folded_heads(model: TransformerLM, layer: int) -> FoldedHeads:
    """Return a layer's matrices with ln1 folded into what reads the stream.

    With LayerNorm, what is written is centred too: whoever reads it does so anyway.
    With `qk_norm`, the weights of those norms are folded into q and k; the length that
    they take away is not. The same holds for a norm of what attention writes.

    Args:
        model: The model; biases are left out.
        layer: Which block.
    """
    block = block_at(model, layer)
    attention = block.attn
    qkv = attention.qkv.weight
    if block.ln1.weight is not None:
        qkv = qkv * block.ln1.weight
    by_head = (-1, attention.d_head, model.config.d_model)
    q, k, v = (
        part.reshape(by_head)
        for part in torch.split(_centred(block.ln1, qkv, dim=1), attention.widths)
    )
    if attention.q_norm is not None and attention.k_norm is not None:
        q, k = _weighted(attention.q_norm, q), _weighted(attention.k_norm, k)
    group = attention.num_heads // attention.kv_heads
    o = held_norm(block.ln1_post, attention.output.weight.T).T
    o = _centred(block.ln1, o, dim=0)
    return FoldedHeads(
        q,
        k.repeat_interleave(group, dim=0),
        v.repeat_interleave(group, dim=0),
        o.T.reshape(by_head),
    )


def _centred(norm: LayerNorm | RMSNorm, weight: Tensor, dim: int) -> Tensor:
    """Take the mean out along the stream's axis, as LayerNorm does to the stream."""
    if isinstance(norm, RMSNorm):
        return weight
    return weight - weight.mean(dim, keepdim=True)


def _weighted(norm: LayerNorm | RMSNorm, rows: ByHead) -> ByHead:
    """Fold a norm over the numbers of a query or key into what makes them."""
    rows = _centred(norm, rows, dim=1)
    return rows if norm.weight is None else rows * norm.weight[:, None]
