"""What a head looks for and what it moves, token by token: its QK and OV circuits.

    QK[q, k] = (W_Q x_q + b_Q) · (W_K x_k + b_K) / √d_head       the score of a key
    OV[r, t] = W_U[t] · W_O W_V x_r                 what reading r adds to t's logit

x is what the layer's norm makes of a token's embedding alone: positions, the token
shift, other tokens and earlier layers are left out. In the first layer of a model whose
positions are not added to the embeddings, QK is therefore the real score; later, and
elsewhere, it is what the head would do if the stream held only the token.

Both are [vocab vocab] of rank d_head. Rows and columns are computed on demand.

- The norm's weight, shift and scale are in x. The last norm's weight and centring are
  folded into W_U; its scale depends on the text, and is left out.
- A number added to all logits changes no probability, so each row of OV has mean 0.
- A value's part that is the same for all tokens (biases) is left out: it is not moved.
- QK is at a distance: RoPE turns by it, ALiBi and a relative bias add a constant.

Before: `folded`. Next: `copying`, OV in one number.

Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits", section
"One-layer attention-only transformers"; the foldings are TransformerLens's (`fold_ln`,
`center_unembed`, `fold_value_biases`).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from minigpt.errors import DataError
from minigpt.interpret.provenance.working import Working, multiply_and_add, plus
from minigpt.interpret.stream.logit_direction import block_at, held_norm
from minigpt.model import LayerNorm, TransformerLM
from minigpt.model.attention import MultiHeadAttention

Ids = Sequence[int]
Map = Float[np.ndarray, "row column"]
OfTokens = Float[Tensor, "token d_head"]


class Factors(NamedTuple):
    """Two thin matrices whose product is a map."""

    rows: OfTokens
    columns: OfTokens
    constant: float = 0.0
    """Added to every cell."""

    @property
    def product(self) -> Map:
        """The map itself."""
        found: np.ndarray = (self.rows @ self.columns.T + self.constant).cpu().numpy()
        return found


def ov_map(
    model: TransformerLM,
    layer: int,
    head: int,
    read: Ids | None = None,
    written: Ids | None = None,
) -> Map:
    """Return what reading a token does to the logits, through one head.

    Args:
        model: The model.
        layer: Whose head.
        head: Which one.
        read: Tokens that are read, the rows; None: all.
        written: Tokens whose logits are looked at, the columns; None: all.

    Returns:
        Logits per weight of 1, before the last norm divides by its scale (and one of
        what attention writes, if there is one, by its).
    """
    return ov_factors(model, layer, head, read, written).product


def qk_map(
    model: TransformerLM,
    layer: int,
    head: int,
    queries: Ids | None = None,
    keys: Ids | None = None,
    distance: int = 1,
) -> Map:
    """Return which keys a query scores high, in one head.

    Args:
        model: The model.
        layer: Whose head.
        head: Which one.
        queries: Tokens that read, the rows; None: all.
        keys: Tokens that are read, the columns; None: all.
        distance: How many tokens the key stands before the query. The map depends on
            it with RoPE only.

    Returns:
        Attention scores, before the softmax (and before they are bent, if they are).
    """
    return qk_factors(model, layer, head, queries, keys, distance).product


@torch.inference_mode()
def ov_factors(
    model: TransformerLM,
    layer: int,
    head: int,
    read: Ids | None = None,
    written: Ids | None = None,
) -> Factors:
    """Return the values of tokens, and what each number of a value does to logits.

    Arguments as for `ov_map`.
    """
    block = block_at(model, layer)
    attention, norm = block.attn, block.ln1_post
    columns = slice(head * attention.d_head, (head + 1) * attention.d_head)
    unembedding = centred_unembedding(model)[_ids(model, written)]
    return Factors(
        values_of_tokens(model, layer, head, _ids(model, read)),
        unembedding @ held_norm(norm, attention.output.weight[:, columns].T).T,
    )


@torch.inference_mode()
def qk_factors(
    model: TransformerLM,
    layer: int,
    head: int,
    queries: Ids | None = None,
    keys: Ids | None = None,
    distance: int = 1,
) -> Factors:
    """Return the queries of tokens, divided by √d_head, and the keys.

    Arguments as for `qk_map`.

    Raises:
        DataError: If the layer's window does not reach so far back.
    """
    block = block_at(model, layer)
    attention = block.attn
    if attention.window is not None and distance >= attention.window:
        raise DataError(
            f"A key {distance} back lies outside the window of layer {layer}, which "
            f"reads {attention.window} tokens: choose a distance of at most "
            f"{attention.window - 1}."
        )
    q = _project(attention, block.ln1(alone(model, _ids(model, queries))), "q", head)
    k = _project(attention, block.ln1(alone(model, _ids(model, keys))), "k", head)
    if attention.q_norm is not None and attention.k_norm is not None:
        q, k = attention.q_norm(q), attention.k_norm(k)
    if attention.rotary is not None:
        # As texts of one token each: the query stands `distance` after the key.
        q = attention.rotary(q[:, None, None], distance)[:, 0, 0]
        k = attention.rotary(k[:, None, None], 0)[:, 0, 0]
    constant = 0.0
    if attention.position_bias is not None:
        bias = attention.position_bias(distance + 1, distance + 1, q.device)
        constant = float(bias[head, -1, 0])
    return Factors(q / math.sqrt(attention.d_head), k, constant)


def explain_ov(
    model: TransformerLM, layer: int, head: int, read: int, written: int
) -> Working:
    """Work out one cell of `ov_map`, number by number of the head's value.

    Arguments as for `ov_map`, but for one token each.
    """
    value, effect, _ = ov_factors(model, layer, head, [read], [written])
    return multiply_and_add(
        "OV[read, token] = Σ value(read) · (W_O · W_U[token])",
        "d_head",
        ("value", _numbers(value)),
        ("on the logit", _numbers(effect)),
    )


def explain_qk(
    model: TransformerLM, layer: int, head: int, pair: tuple[int, int], distance: int
) -> Working:
    """Work out one cell of `qk_map`, number by number of query and key.

    Args:
        model: The model.
        layer: Whose head.
        head: Which one.
        pair: The query's token and the key's.
        distance: See `qk_map`.
    """
    query, key, constant = qk_factors(model, layer, head, pair[:1], pair[1:], distance)
    working = multiply_and_add(
        "QK[query, key] = Σ query/√d_head · key",
        "d_head",
        ("query/√d_head", _numbers(query)),
        ("key", _numbers(key)),
    )
    return plus(working, "bias of the distance", constant) if constant else working


def alone(
    model: TransformerLM, ids: Tensor | slice = slice(None)
) -> Float[Tensor, "token d_model"]:
    """Return what the stream holds of tokens' embeddings, before anything is added."""
    embedding = model.token_embedding.weight[ids] * model.token_embedding.scale
    return embedding if model.ln_embed is None else model.ln_embed(embedding)


def values_of_tokens(
    model: TransformerLM, layer: int, head: int, ids: Tensor | slice = slice(None)
) -> OfTokens:
    """Return a head's value of each token, less what is the same for all.

    Args:
        model: The model.
        layer: Whose head.
        head: Which one.
        ids: Which tokens.
    """
    block = block_at(model, layer)
    x = block.ln1(alone(model, ids))
    if isinstance(block.ln1, LayerNorm) and block.ln1.bias is not None:
        x = x - block.ln1.bias
    values = _project(block.attn, x, "v", head, with_bias=False)
    own = block.attn.value_embedding
    return values if own is None else values + own.weight[ids][:, _kv(block.attn, head)]


def centred_unembedding(model: TransformerLM) -> Float[Tensor, "vocab d_model"]:
    """Return W_U with the last norm folded in, less its mean over the vocabulary."""
    weight = (model.token_embedding if model.ties_embeddings else model.head).weight
    norm = model.ln_final
    weight = weight if norm.weight is None else weight * norm.weight
    if isinstance(norm, LayerNorm):
        weight = weight - weight.mean(dim=1, keepdim=True)
    return weight - weight.mean(dim=0)


def _project(
    attention: MultiHeadAttention,
    x: Float[Tensor, "token d_model"],
    which: str,
    head: int,
    *,
    with_bias: bool = True,
) -> OfTokens:
    """Return the queries, keys or values of one head."""
    part = "qkv".index(which)
    own = slice(head * attention.d_head, (head + 1) * attention.d_head)
    rows = own if which == "q" else _kv(attention, head)
    weight = torch.split(attention.qkv.weight, attention.widths)[part][rows]
    if attention.qkv.bias is None or not with_bias:
        return F.linear(x, weight)
    bias = torch.split(attention.qkv.bias, attention.widths)[part][rows]
    return F.linear(x, weight, bias)


def _kv(attention: MultiHeadAttention, head: int) -> slice:
    """Return the rows of the key/value head that a query head uses."""
    shared = head * attention.kv_heads // attention.num_heads
    return slice(shared * attention.d_head, (shared + 1) * attention.d_head)


def _ids(model: TransformerLM, ids: Ids | None) -> Tensor | slice:
    if ids is None:
        return slice(None)
    return torch.tensor(list(ids), dtype=torch.long, device=model.device)


def _numbers(row: OfTokens) -> Float[np.ndarray, " d_head"]:
    found: np.ndarray = row[0].double().cpu().numpy()
    return found
