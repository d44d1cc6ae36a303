"""Filters: how a distribution is bent before a token is drawn from it.

The model gives every token a logit. Each filter here is a pure function from logits to
logits; a token that it removes gets −∞, hence probability 0. What remains is
renormalised by the softmax at the end.

    logits ─ repetition penalty ─ n-gram ban ─ temperature ─ top-k ─ top-p ─ min-p
    ─ softmax

`build_filters` turns settings into that chain. `apply_filters` runs it; `filter_stages`
runs it too and writes down what each stage did, for a reader to look at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.config import GenerationConfig

Filter = Callable[[Tensor, Tensor], Tensor]
"""Maps logits [batch vocab] and the tokens so far [batch pos] to logits."""

REMOVED = -torch.inf
COLDEST = 1e-30
"""Below this temperature a division would overflow; the limit is the likeliest."""


def penalize_repetition(
    logits: Float[Tensor, "batch vocab"],
    previous_tokens: Int[Tensor, "batch pos"],
    penalty: float,
) -> Float[Tensor, "batch vocab"]:
    """Make tokens that already occurred less likely, however often they did.

    A positive logit is divided by the penalty and a negative one multiplied, so that
    both move down. (The rule depends on where zero lies, which a softmax ignores.)

    Args:
        logits: The model's scores.
        previous_tokens: The text so far, prompt included.
        penalty: Above 1 discourages, below 1 encourages repetition.

    Source: Keskar et al. 2019, CTRL, arXiv:1909.05858, section 4.1.
    """
    seen = logits.gather(1, previous_tokens)
    seen = torch.where(seen < 0, seen * penalty, seen / penalty)
    return logits.scatter(1, previous_tokens, seen)


def ban_repeated_ngrams(
    logits: Float[Tensor, "batch vocab"],
    previous_tokens: Int[Tensor, "batch pos"],
    size: int,
) -> Float[Tensor, "batch vocab"]:
    """Remove each token that would complete a run of tokens for the second time.

    With size 3, after `a b c … a b` the token c is removed. Where a text has used every
    token up, nothing is removed: something must be written.

    Args:
        logits: The scores so far.
        previous_tokens: The text so far, prompt included.
        size: The length of a run, in tokens.

    Source: Paulus et al. 2017, arXiv:1705.04304, section 2.5 (there for size 3).
    """
    length = previous_tokens.shape[1]
    if length < size:
        return logits
    runs = previous_tokens.unfold(1, size, 1)  # [batch run size]
    begun = previous_tokens[:, None, length - size + 1 :]
    texts, places = (runs[..., :-1] == begun).all(dim=-1).nonzero(as_tuple=True)
    banned = torch.zeros_like(logits, dtype=torch.bool)
    banned[texts, runs[texts, places, -1]] = True
    banned &= ~banned.all(dim=-1, keepdim=True)
    return logits.masked_fill(banned, REMOVED)


def scale_by_temperature(
    logits: Float[Tensor, "batch vocab"], temperature: float
) -> Float[Tensor, "batch vocab"]:
    """Divide the logits: p_i ∝ exp(logit_i / T).

    Args:
        logits: The scores so far.
        temperature: Below 1 sharpens, above 1 flattens. 0 is the limit: the likeliest
            token has all the probability.
    """
    if temperature < COLDEST:
        return keep_likeliest(logits)
    return logits / temperature


def keep_likeliest(
    logits: Float[Tensor, "batch vocab"],
) -> Float[Tensor, "batch vocab"]:
    """Remove all but one token; of equals, one that `argmax` names."""
    best = logits.argmax(dim=-1, keepdim=True)
    removed = torch.full_like(logits, REMOVED)
    return removed.scatter(1, best, logits.gather(1, best))


def keep_top_k(
    logits: Float[Tensor, "batch vocab"], k: int
) -> Float[Tensor, "batch vocab"]:
    """Remove every token below the k-th likeliest. Equals of the k-th all stay.

    Source: Fan et al. 2018, arXiv:1805.04833, section 5.
    """
    kth = logits.topk(min(k, logits.shape[-1])).values[:, -1:]
    return logits.masked_fill(logits < kth, REMOVED)


def keep_top_p(
    logits: Float[Tensor, "batch vocab"], p: float
) -> Float[Tensor, "batch vocab"]:
    """Keep the smallest set of likeliest tokens whose probabilities together reach p.

    Counted from the other end, as `transformers` does: remove the least likely tokens
    for as long as what they weigh together is at most 1 − p.

    Source: Holtzman et al. 2020, "nucleus sampling", arXiv:1904.09751, eq. 2.
    """
    if p >= 1.0:
        return logits
    ascending, order = logits.sort(dim=-1)
    weight = ascending.softmax(dim=-1).cumsum(dim=-1)
    remove = weight <= 1.0 - p
    remove[:, -1] = False
    return logits.masked_fill(remove.scatter(1, order, remove), REMOVED)


def drop_below_min_p(
    logits: Float[Tensor, "batch vocab"], share: float
) -> Float[Tensor, "batch vocab"]:
    """Remove tokens less likely than this share of the likeliest.

    Source: Nguyen et al. 2024, arXiv:2407.01082, eq. 2.
    """
    probabilities = logits.softmax(dim=-1)
    top = probabilities.amax(dim=-1, keepdim=True)
    return logits.masked_fill(probabilities < share * top, REMOVED)


def is_greedy(config: GenerationConfig) -> bool:
    """Whether the likeliest token is taken, with nothing left to chance."""
    return config.strategy == "greedy" or config.temperature < COLDEST


def reads_text(config: GenerationConfig) -> bool:
    """Whether a filter depends on what was written so far."""
    return config.repetition_penalty != 1.0 or config.no_repeat_ngram is not None


def build_filters(config: GenerationConfig) -> list[tuple[str, Filter]]:
    """List the filters that change anything, by name, in the order they apply.

    Greedy knows only the penalty and the ban: no other filter ever removes the
    likeliest token.
    """
    filters: list[tuple[str, Filter]] = []
    if config.repetition_penalty != 1.0:
        penalize = partial(penalize_repetition, penalty=config.repetition_penalty)
        filters.append(("repetition_penalty", penalize))
    if config.no_repeat_ngram is not None:
        ban = partial(ban_repeated_ngrams, size=config.no_repeat_ngram)
        filters.append(("no_repeat_ngram", ban))
    if config.strategy != "sampling":
        return filters
    if config.temperature != 1.0:
        filters.append(("temperature", _of(scale_by_temperature, config.temperature)))
    if config.top_k is not None:
        filters.append(("top_k", _of(keep_top_k, config.top_k)))
    if config.top_p is not None:
        filters.append(("top_p", _of(keep_top_p, config.top_p)))
    if config.min_p is not None:
        filters.append(("min_p", _of(drop_below_min_p, config.min_p)))
    return filters


def _of(function: Callable[[Tensor, Any], Tensor], setting: float | int) -> Filter:
    return lambda logits, _: function(logits, setting)


def apply_filters(
    logits: Float[Tensor, "batch vocab"],
    previous_tokens: Int[Tensor, "batch pos"],
    config: GenerationConfig,
) -> Float[Tensor, "batch vocab"]:
    """Run the chain of filters.

    Args:
        logits: The model's scores.
        previous_tokens: The text so far, prompt included.
        config: Which filters, with which settings.

    Returns:
        Logits, −∞ where a token was removed; their softmax is what to draw from.
    """
    for _, function in build_filters(config):
        logits = function(logits, previous_tokens)
    return logits


@dataclass(frozen=True)
class FilterStage:
    """The distribution after one stage."""

    name: str
    """`model` for what the model said, then the settings' own names."""
    logits: Float[Tensor, "batch vocab"]
    """−∞ where a token was removed."""
    probabilities: Float[Tensor, "batch vocab"]
    """Softmax of the logits."""
    removed: Float[Tensor, " batch"]
    """Probability, before this stage, of the tokens that it removed."""


def filter_stages(
    logits: Float[Tensor, "batch vocab"],
    previous_tokens: Int[Tensor, "batch pos"],
    config: GenerationConfig,
) -> list[FilterStage]:
    """Run the chain of filters and keep what each stage did.

    Args:
        logits: The model's scores.
        previous_tokens: The text so far, prompt included.
        config: Which filters, with which settings.

    Returns:
        The model's own distribution, then the one after each filter.
    """
    probabilities = logits.softmax(dim=-1)
    nothing = torch.zeros_like(probabilities[:, 0])
    stages = [FilterStage("model", logits, probabilities, nothing)]
    for name, function in build_filters(config):
        logits = function(logits, previous_tokens)
        removed = torch.where(logits == REMOVED, probabilities, 0.0).sum(dim=-1)
        probabilities = logits.softmax(dim=-1)
        stages.append(FilterStage(name, logits, probabilities, removed))
    return stages
