"""Pairs of prompts that differ in one thing, ready to be patched into one another.

Which pair tells anything depends on the model: one of stories knows that a girl is
"she", one of repeated words only copies. `ready_pair` tries them on the model itself.

Before: `patching`, which says what a pair must be. Next: the Intervene page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import torch

from minigpt.errors import DataError
from minigpt.interpret.effects import Effect, compare_logits, divergence
from minigpt.interpret.interventions.patching import distinguishing_tokens, same_length
from minigpt.model import TransformerLM
from minigpt.tokenizers.base import Tokenizer


@dataclass(frozen=True)
class PromptPair:
    """Two prompts of the same number of tokens."""

    clean: str
    corrupted: str


PAIRS: Final = (
    PromptPair(
        "The kite was red. The drum was blue. Everyone could see that the kite was",
        "The kite was green. The drum was blue. Everyone could see that the kite was",
    ),
    PromptPair(
        "Mia met Tom . the sun was up . then Ana fed Sam . Mia met",
        "Mia met Sam . the sun was up . then Ana fed Tom . Mia met",
    ),
    PromptPair(
        "Once upon a time there was a girl called Mia. One day",
        "Once upon a time there was a boy called Sam. One day",
    ),
    PromptPair("The kite was as white as", "The kite was as black as"),
)
"""A fact stated earlier, two names swapped, a girl or a boy, one colour or another."""

EXCHANGED: Final = (
    PromptPair(
        "Mia met Tom . the sun was up . then Ana fed Sam . Mia met",
        "Mia fed Tom . the sun was up . then Ana met Sam . Mia met",
    ),
    PromptPair(
        "The kite was red. The drum was blue. Everyone could see that the kite was",
        "The drum was red. The kite was blue. Everyone could see that the kite was",
    ),
)
"""The possible answers stand at the same places in both; what stands before them does
not. So one token must have been told about another before the answer is found."""

LIKELY = 0.5
"""Probability of both answers from which a model tells a pair apart well."""


def ready_pair(
    model: TransformerLM, tokenizer: Tokenizer, first: Sequence[PromptPair] = ()
) -> PromptPair:
    """Return the first pair that a model tells apart well, or else the best.

    A pair is told apart by its answers: each prompt's token that the other prompt does
    not lead to, if both are likely.

    Args:
        model: The model that will be patched.
        tokenizer: Its own.
        first: Pairs to try before those of `PAIRS`.
    """
    pairs = (*first, *PAIRS)
    found = {pair: _clearness(model, tokenizer, pair) for pair in pairs}
    clear = (pair for pair, probability in found.items() if probability >= LIKELY)
    return next(clear, max(found, key=lambda pair: found[pair]))


@torch.inference_mode()
def swapped_pairs(
    model: TransformerLM,
    tokenizer: Tokenizer,
    texts: Sequence[Sequence[int]],
    each: int = 2,
) -> list[PromptPair]:
    """Make pairs of texts by exchanging one token, where the prediction moves most.

    The new token stands at the same place in the text that follows. Only pairs come
    that the tokenizer reads back as the same tokens.

    Args:
        model: The model that will be patched.
        tokenizer: Its own.
        texts: Ids, of equal length.
        each: Pairs of one text at most.
    """
    found = []
    for text, other in pairwise(texts):
        places = [n for n in range(1, len(text) - 1) if text[n] != other[n]]
        rows = [[*text[:n], other[n], *text[n + 1 :]] for n in places]
        if not rows:
            continue
        log_p = model(torch.tensor([list(text), *rows])).log_softmax(-1)[:, -1]
        moved = divergence(log_p[:1].expand_as(log_p[1:]), log_p[1:])
        best = moved.argsort(descending=True)[:each].tolist()
        pairs = [(list(text), rows[row]) for row in best]
        found += [
            PromptPair(*map(tokenizer.decode, pair))
            for pair in pairs
            if all(tokenizer.encode(tokenizer.decode(ids)) == ids for ids in pair)
        ]
    return found


@torch.inference_mode()
def predictions(model: TransformerLM, clean: list[int], corrupted: list[int]) -> Effect:
    """Return the prediction after the clean prompt, and after the corrupted one.

    Args:
        model: The model.
        clean: Ids.
        corrupted: Ids, as many.
    """
    both = torch.tensor([clean, corrupted], device=model.device)
    return compare_logits(*model(both)[:, -1])


def _clearness(model: TransformerLM, tokenizer: Tokenizer, pair: PromptPair) -> float:
    """Return the smaller probability of the two answers; −1 of an unreadable pair."""
    try:
        clean, corrupted = same_length(tokenizer, pair.clean, pair.corrupted)
    except DataError:
        return -1.0
    unknown = tokenizer.unknown(pair.clean) or tokenizer.unknown(pair.corrupted)
    if unknown or len(clean) > model.config.max_seq_len:
        return -1.0
    found = predictions(model, clean, corrupted)
    answer, rival = distinguishing_tokens(found)
    return float(min(found.before[answer], found.after[rival]))
