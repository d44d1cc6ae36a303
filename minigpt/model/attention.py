"""Attention: how a token gathers what it needs from the tokens before it.

A staircase of three classes, each one idea beyond the one before:

- `SelfAttention`: every token reads every token. The formula, in five lines.
- `CausalAttention`: no token reads the future.
- `MultiHeadAttention`: several heads at once, each with its own queries, keys and
  values; with hooks, positions, a cache. This is the one in the model.

Before: the normalised residual stream. Next: what attention adds back to it.
"""

import math
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from minigpt.config import ModelConfig
from minigpt.hooks import HookPoint
from minigpt.model.embedding import TokenEmbedding
from minigpt.model.kv_cache import LayerCache
from minigpt.model.norm import build_norm, softcapped
from minigpt.model.positions import (
    RelativeBias,
    build_attention_bias,
    build_rotary,
    causal_mask,
)


class SelfAttention(nn.Module):
    """One attention head: every token reads every token.

        Attention(Q, K, V) = softmax(Q Kᵀ / √d) V
        Q, K, V = x W_Q, x W_K, x W_V                     [batch pos d_out] each

    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 1.
    """

    def __init__(self, d_in: int, d_out: int) -> None:
        super().__init__()
        self.query = nn.Linear(d_in, d_out, bias=False)
        self.key = nn.Linear(d_in, d_out, bias=False)
        self.value = nn.Linear(d_in, d_out, bias=False)

    def scores(
        self, x: Float[Tensor, "batch pos d_in"]
    ) -> Float[Tensor, "batch pos pos"]:
        """How well each token's query fits each token's key."""
        q, k = self.query(x), self.key(x)
        return q @ k.mT / math.sqrt(q.shape[-1])

    def forward(
        self, x: Float[Tensor, "batch pos d_in"]
    ) -> Float[Tensor, "batch pos d_out"]:
        """Return, for each token, a weighted average of all tokens' values."""
        pattern = self.scores(x).softmax(dim=-1)
        return pattern @ self.value(x)


class CausalAttention(SelfAttention):
    """Self-attention in which a token reads only itself and the tokens before it.

        Attention(Q, K, V) = softmax(Q Kᵀ / √d + mask) V
        mask[q, k] = 0 if k ≤ q, else −∞

    A score of −∞ becomes a weight of exactly 0.

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3.
    """

    def scores(
        self, x: Float[Tensor, "batch pos d_in"]
    ) -> Float[Tensor, "batch pos pos"]:
        """Score as `SelfAttention` does, with −∞ for later tokens."""
        may_read = causal_mask(x.shape[1], x.shape[1], x.device)
        return super().scores(x).masked_fill(~may_read, -math.inf)


class MultiHeadAttention(nn.Module):
    """Causal attention by several heads at once, each with queries of its own.

        head_h = softmax(Q_h K_hᵀ / √d_head + bias_h + mask) V_h
        out    = [head_1 … head_H] W_O + b_O                     [batch pos d_model]

        x ─ qkv ─┬─ q ─ (turn) ─┐
                 ├─ k ─ (turn) ─┴─ q·k/√d_head ─ + bias ─ mask ─ softmax ─┐
                 └─ v ─ (+ token's own) ──────────────────────── Σ weight·v ─ o ─ out

    With fewer key/value heads than query heads, groups of query heads share them
    (Ainslie et al. 2023, arXiv:2305.13245).

    With value embeddings, each token adds a vector of its own to its value, whatever
    the stream has become (after Zhou et al. 2024, arXiv:2410.17897, where it is the
    first layer's value).

    In a layer with an attention window, a token reads only the last few tokens.

    The explicit computation is the definition. torch's fused one gives the same
    numbers faster, and is used unless a hook asks for the scores or the pattern.

    Args:
        config: The model's settings.
        layer: The number of its block.

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2.
    """

    def __init__(self, config: ModelConfig, layer: int = 0) -> None:
        super().__init__()
        self.num_heads, self.kv_heads = config.num_heads, config.kv_heads
        self.d_head, self.dropout = config.d_head, config.dropout
        width = config.num_heads * config.d_head
        kv_width = config.kv_heads * config.d_head
        self.widths = [width, kv_width, kv_width]
        self.qkv = nn.Linear(config.d_model, sum(self.widths), config.has_qkv_bias)
        self.value_embedding: TokenEmbedding | None = None
        if config.value_embeddings:
            self.value_embedding = TokenEmbedding(config.vocab_size, kv_width)
            self.hook_value_embed = HookPoint()  # [batch pos head d_head]
        self.hook_q = HookPoint()  # [batch pos head d_head]
        self.hook_k = HookPoint()
        self.hook_v = HookPoint()
        self.q_norm = build_norm(config, config.d_head) if config.qk_norm else None
        self.k_norm = build_norm(config, config.d_head) if config.qk_norm else None
        self.rotary = build_rotary(config, layer)
        if self.rotary is not None:
            self.hook_rot_q = HookPoint()  # [batch pos head d_head]
            self.hook_rot_k = HookPoint()
        self.position_bias = build_attention_bias(config)
        self.window = config.window_of(layer)
        self.softcap = config.attention_softcap
        self.hook_attn_scores = HookPoint()  # [batch head q_pos k_pos]
        self.hook_pattern = HookPoint()  # [batch head q_pos k_pos]
        self.hook_z = HookPoint()  # [batch pos head d_head]
        self.hook_result = HookPoint()  # [batch pos head d_model], only when watched
        self.output = nn.Linear(width, config.d_model, bias=config.bias)

    def forward(
        self,
        x: Float[Tensor, "batch pos d_model"],
        cache: LayerCache | None = None,
        tokens: Int[Tensor, "batch pos"] | None = None,
    ) -> Float[Tensor, "batch pos d_model"]:
        """Let every position read itself and what came before.

        Args:
            x: Normalised residual stream.
            cache: Keys and values of earlier positions; the new ones are added.
            tokens: The ids at these positions; only value embeddings look at them.
        """
        start = 0 if cache is None else cache.length
        q, k, v = self.queries_keys_values(x, start, tokens)
        if cache is not None:
            k, v = cache.append(k, v)
        if self.kv_heads < self.num_heads:
            group = self.num_heads // self.kv_heads
            k = k.repeat_interleave(group, dim=1)
            v = v.repeat_interleave(group, dim=1)
        if self.wants_scores(q.device):
            z = self.attend(q, k, v)
        else:
            z = self.attend_fused(q, k, v)
        return self.combine_heads(self.hook_z(z.transpose(1, 2)))

    def wants_scores(self, device: torch.device) -> bool:
        """Whether somebody watches them, they are bent, or a bias learns from them.

        torch's fused form bends nothing. A mask with a gradient is more than it can do
        on a CPU: it makes a detour through the same steps.
        """
        if self.hook_attn_scores.is_watched() or self.hook_pattern.is_watched():
            return True
        if self.softcap is not None:
            return True
        learns = self.training and isinstance(self.position_bias, RelativeBias)
        return learns and device.type == "cpu"

    def queries_keys_values(
        self,
        x: Float[Tensor, "batch pos d_model"],
        start: int,
        tokens: Int[Tensor, "batch pos"] | None = None,
    ) -> tuple[
        Float[Tensor, "batch head pos d_head"],
        Float[Tensor, "batch kv_head pos d_head"],
        Float[Tensor, "batch kv_head pos d_head"],
    ]:
        """Project x to each head's queries, keys and values; turn them if RoPE.

        Arguments as for `forward`; `start` is the first position.
        """
        q, k, v = (
            part.unflatten(-1, (-1, self.d_head))  # [batch pos head d_head]
            for part in self.qkv(x).split(self.widths, dim=-1)
        )
        if self.q_norm is not None and self.k_norm is not None:
            q, k = self.q_norm(q), self.k_norm(k)
        if self.value_embedding is not None:
            own = self.value_embedding(cast(Tensor, tokens)).view_as(v)
            v = v + self.hook_value_embed(own)
        q, k, v = self.hook_q(q), self.hook_k(k), self.hook_v(v)
        if self.rotary is not None:
            q = self.hook_rot_q(self.rotary(q, start))
            k = self.hook_rot_k(self.rotary(k, start))
        return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)

    def attend(
        self,
        q: Float[Tensor, "batch head q_pos d_head"],
        k: Float[Tensor, "batch head k_pos d_head"],
        v: Float[Tensor, "batch head k_pos d_head"],
    ) -> Float[Tensor, "batch head q_pos d_head"]:
        """Attention, step by step: scores, mask, softmax, weighted sum of values."""
        scores = q @ k.mT / math.sqrt(self.d_head)  # [batch head q_pos k_pos]
        scores = softcapped(scores, self.softcap)
        q_len, k_len = scores.shape[-2:]
        if self.position_bias is not None:
            scores = scores + self.position_bias(q_len, k_len, q.device)
        if self.position_bias is None or self.window is not None:
            may_read = causal_mask(q_len, k_len, q.device, self.window)
            scores = scores.masked_fill(~may_read, -math.inf)
        scores = self.hook_attn_scores(scores)
        pattern = self.hook_pattern(scores.softmax(dim=-1))
        return F.dropout(pattern, self.dropout, self.training) @ v

    def attend_fused(
        self,
        q: Float[Tensor, "batch head q_pos d_head"],
        k: Float[Tensor, "batch head k_pos d_head"],
        v: Float[Tensor, "batch head k_pos d_head"],
    ) -> Float[Tensor, "batch head q_pos d_head"]:
        """The same in one call, which never stores scores or pattern."""
        q_len, k_len = q.shape[2], k.shape[2]
        may_read: Tensor | None = None
        is_cut = self.window is not None and k_len > self.window
        if is_cut or (1 < q_len < k_len and self.position_bias is None):
            may_read = causal_mask(q_len, k_len, q.device, self.window)
        mask = may_read
        if self.position_bias is not None:
            mask = self.position_bias(q_len, k_len, q.device)[None].to(q.dtype)
            if may_read is not None:
                mask = mask.masked_fill(~may_read, -math.inf)
        return F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=mask is None and q_len > 1,
        )

    def combine_heads(
        self, z: Float[Tensor, "batch pos head d_head"]
    ) -> Float[Tensor, "batch pos d_model"]:
        """Write every head's z back to the residual stream and add them up."""
        if not self.hook_result.is_watched():
            return self.output(z.flatten(2))
        per_head = self.output.weight.view(-1, self.num_heads, self.d_head)
        result = torch.einsum("bphd,mhd->bphm", z, per_head)
        out = self.hook_result(result).sum(dim=2)
        return out if self.output.bias is None else out + self.output.bias
