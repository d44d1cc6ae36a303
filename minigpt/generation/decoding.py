"""Decoding: the model's forward for one new token per text, and nothing around it.

The model is made of modules, each with a name and hooks on its values. For one token
the numbers are few, and calling modules takes longer than multiplying. So while nobody
watches, a text is continued by the functions below: the same products on the same
weights, one after the other, with what never changes looked up once.

    x ─ norm ─ qkv ─ attention over the cache ─ out ─(+)─ norm ─ MLP ─(+)─ …

`minigpt.model` is the definition. A test holds the two together for every setting.
"""

from collections.abc import Callable
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from minigpt.model import TransformerLM
from minigpt.model.attention import MultiHeadAttention
from minigpt.model.block import Block
from minigpt.model.feedforward import FeedForward, GatedFeedForward
from minigpt.model.kv_cache import Cache
from minigpt.model.norm import LayerNorm, RMSNorm
from minigpt.model.positions import RotaryPositions

Map = Callable[[Tensor], Tensor]
"""Maps vectors to vectors, [batch width]."""

Attention = Callable[[Tensor, Tensor, Tensor, int], Tensor]
"""Maps x [batch d_model], a layer's keys and values [batch head pos d_head], and the
new token's position to what attention adds, [batch d_model]."""


class Decoder:
    """Continues texts by one token at a time.

    Args:
        model: Its weights are read when the decoder is made; a later training step is
            not noticed.
        copies: Keep the large matrices a second time, turned so that a product with
            one row reads them in order: about twice as quick, and worth the memory
            from some dozen tokens on.
    """

    def __init__(self, model: TransformerLM, copies: bool) -> None:
        self.embedding = model.token_embedding.weight
        self.positions = _absolute_positions(model)
        longest = model.config.max_seq_len
        self.blocks = [
            _block(cast(Block, block), longest, copies) for block in model.blocks
        ]
        self.norm = _norm(model.ln_final)
        tied = model.config.tie_embeddings
        head = model.token_embedding.weight if tied else model.head.weight
        self.head = _product(head, None, copies)

    def next_logits(
        self, tokens: Int[Tensor, " batch"], cache: Cache
    ) -> Float[Tensor, "batch vocab"]:
        """Read one more token of each text and score what comes next.

        Args:
            tokens: The newest ids, of the model's vocabulary.
            cache: What was read before, with room for one more; the token is added.
        """
        position = cache.length
        x = self.embedding[tokens]
        if self.positions is not None:
            x = x + self.positions[position]
        buffers = iter(cache.buffers)
        for (attend, think), keys, values in zip(
            self.blocks, buffers, buffers, strict=True
        ):
            x = x + attend(x, keys, values, position)
            if think is not None:
                x = x + think(x)
        cache.advance(1)
        return self.head(self.norm(x))


def _block(block: Block, longest: int, copies: bool) -> tuple[Attention, Map | None]:
    """Return a block's two steps; the second is missing where there is no MLP."""
    attend = _attention(block.ln1, block.attn, longest, copies)
    return attend, _mlp(block.ln2, block.mlp, copies) if block.has_mlp else None


def _attention(
    norm: LayerNorm | RMSNorm, attn: MultiHeadAttention, longest: int, copies: bool
) -> Attention:
    normalize = _norm(norm)
    project = _product(attn.qkv.weight, attn.qkv.bias, copies)
    combine = _product(attn.output.weight, attn.output.bias, copies)
    normalize_q = None if attn.q_norm is None else _norm(attn.q_norm)
    normalize_k = None if attn.k_norm is None else _norm(attn.k_norm)
    turn = None if attn.rotary is None else _turn(attn.rotary)
    num_heads, d_head = attn.num_heads, attn.d_head
    counts = [num_heads, attn.kv_heads, attn.kv_heads]
    shared = attn.kv_heads < num_heads
    bias = _bias_by_distance(attn, longest)

    def attend(x: Tensor, keys: Tensor, values: Tensor, position: int) -> Tensor:
        heads = project(normalize(x)).view(len(x), -1, 1, d_head)
        q, k, v = heads.split_with_sizes(counts, dim=1)  # [batch head 1 d_head]
        if normalize_q is not None and normalize_k is not None:
            q, k = normalize_q(q), normalize_k(k)
        if turn is not None:
            q, k = turn(q, position), turn(k, position)
        seen = position + 1
        keys.narrow(2, position, 1).copy_(k)
        values.narrow(2, position, 1).copy_(v)
        z = F.scaled_dot_product_attention(
            q,
            keys.narrow(2, 0, seen),
            values.narrow(2, 0, seen),
            attn_mask=None if bias is None else bias[..., -seen:],
            enable_gqa=shared,
        )
        return combine(z.reshape(len(x), -1))

    return attend


def _mlp(norm: LayerNorm | RMSNorm, mlp: FeedForward, copies: bool) -> Map:
    normalize, activate = _norm(norm), mlp.activation
    widen = _product(mlp.input.weight, mlp.input.bias, copies)
    # Long rows are read in order as they are: a turned copy gains nothing here.
    narrow = _product(mlp.output.weight, mlp.output.bias, copies=False)
    if not isinstance(mlp, GatedFeedForward):
        return lambda x: narrow(activate(widen(normalize(x))))
    gate = _product(mlp.gate.weight, mlp.gate.bias, copies)

    def think(x: Tensor) -> Tensor:
        x = normalize(x)
        return narrow(activate(widen(x)) * gate(x))

    return think


def _product(weight: Tensor, bias: Tensor | None, copies: bool) -> Map:
    """Return x ↦ x Wᵀ + b."""
    turned = weight.t().contiguous() if copies else weight.t()
    if bias is None:
        return lambda x: torch.mm(x, turned)
    return lambda x: torch.addmm(bias, x, turned)


def _norm(norm: LayerNorm | RMSNorm) -> Map:
    weight, eps = norm.weight, norm.eps
    if isinstance(norm, RMSNorm):
        return lambda x: torch.rms_norm(x, x.shape[-1:], weight, eps)
    bias = norm.bias
    return lambda x: torch.layer_norm(x, x.shape[-1:], weight, bias, eps)


def _turn(rotary: RotaryPositions) -> Callable[[Tensor, int], Tensor]:
    """Return RoPE for one position; a pair is turned as a product of complex numbers.

    (a + ib)(cos + i sin): number i of the first half with number i of the second.
    """
    cos, sin = rotary.angles.cos(), rotary.angles.sin()  # [pos d_head/2]
    cos, sin = torch.cat([cos, cos], -1), torch.cat([-sin, sin], -1)
    half = cos.shape[-1] // 2

    def turn(x: Tensor, position: int) -> Tensor:
        return x * cos[position] + x.roll(half, dims=-1) * sin[position]

    return turn


def _bias_by_distance(
    attn: MultiHeadAttention, longest: int
) -> Float[Tensor, "1 head 1 pos"] | None:
    """Return what is added to the scores of the last query, farthest key first.

    The row of a query depends only on distances, so each row is the end of the longest.
    """
    if attn.position_bias is None:
        return None
    weight = attn.qkv.weight
    return attn.position_bias(1, longest, weight.device)[None].to(weight)


def _absolute_positions(model: TransformerLM) -> Tensor | None:
    if model.position_embedding is None:
        return None
    return model.position_embedding(0, model.config.max_seq_len)
