"""What heads do, as one number each: `interpret.heads.scores` by hand.

Each score is a mean over queries, for every head: [layer head]. It is not-a-number
where the text has no such query. Row and column i of a pattern are token i.

Source: Olsson et al. 2022, arXiv:2209.11895.
"""

from collections.abc import Callable
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.model import TransformerLM

ByHead = Float[Tensor, "layer head"]


@torch.inference_mode()
def patterns(
    model: TransformerLM, tokens: Int[Tensor, "1 pos"]
) -> Float[Tensor, "layer head q_pos k_pos"]:
    """Record the attention weights of every head."""
    _, cache = model.run_with_cache(tokens, "*.attn.hook_pattern")
    return torch.cat(list(cache.values()))


def previous_token(model: TransformerLM, tokens: Int[Tensor, "1 pos"]) -> ByHead:
    """Average the weight on the token just before, over queries from 1 on."""
    below = patterns(model, tokens).diagonal(-1, dim1=-2, dim2=-1)
    return below.mean(-1)


def first_token(model: TransformerLM, tokens: Int[Tensor, "1 pos"]) -> ByHead:
    """Average the weight on token 0, from query 2 on (for 1 it is the previous)."""
    return patterns(model, tokens)[:, :, 2:, 0].mean(-1)


def self_token(model: TransformerLM, tokens: Int[Tensor, "1 pos"]) -> ByHead:
    """Average the weight of a query on itself, over queries from 1 on."""
    diagonal = patterns(model, tokens).diagonal(dim1=-2, dim2=-1)
    return diagonal[:, :, 1:].mean(-1)


def duplicate_token(model: TransformerLM, tokens: Int[Tensor, "1 pos"]) -> ByHead:
    """Average the weight on earlier occurrences of the query's own token."""
    same = tokens[0, :, None] == tokens[0]  # [q_pos k_pos]
    keys = same.tril(-1)
    weight = (patterns(model, tokens) * keys).sum(-1)
    return weight[:, :, keys.any(-1)].mean(-1)


def induction(model: TransformerLM, tokens: Int[Tensor, "1 pos"]) -> ByHead:
    """Average the weight on what followed earlier occurrences of the query's token."""
    same = tokens[0, :, None] == tokens[0]  # [q_pos k_pos]
    keys = same.tril(-2).roll(1, dims=1)
    weight = (patterns(model, tokens) * keys).sum(-1)
    return weight[:, :, keys.any(-1)].mean(-1)


def entropy(model: TransformerLM, tokens: Int[Tensor, "1 pos"]) -> ByHead:
    """Average −Σ w · ln w over the rows from 1 on, in nats."""
    rows = patterns(model, tokens)[:, :, 1:]
    return torch.special.entr(rows).sum(-1).mean(-1)


SCORES: Final[dict[str, Callable[[TransformerLM, Tensor], Tensor]]] = {
    "previous_token": previous_token,
    "induction": induction,
    "duplicate_token": duplicate_token,
    "first_token": first_token,
    "self_token": self_token,
    "entropy": entropy,
}
"""By the names of `interpret.heads.scores.SCORES`."""
