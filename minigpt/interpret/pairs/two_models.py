"""Two models, or two moments of one training, on the same pairs of prompts.

Which of them tells the prompts apart, and by how much? A pair is compared only if both
models can: its answers must be one token for each. A head's patterns are compared with
its namesake's where both models have the same heads and tokens.

Before: `alignment`. Beside: `differences.comparison`, which compares on one text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.differences.comparison import same_tokenizer
from minigpt.interpret.differences.pattern_change import pattern_change_on
from minigpt.interpret.interventions.prompt_pairs import predictions
from minigpt.interpret.openings.opening import transformer_of
from minigpt.interpret.pairs.alignment import Pair, align
from minigpt.interpret.pairs.averages import interval_ends
from minigpt.interpret.pairs.pair_rows import PairRow
from minigpt.interpret.reading.text import read_tokens

QUANTITIES: Final = (
    "logit(answer) − logit(rival) after the clean prompt",
    "logit(answer) − logit(rival) after the corrupted prompt",
    "p(answer) after the clean prompt",
    "p(rival) after the corrupted prompt",
    "loss on the clean prompt, nats per token",
)
"""What is measured of each model."""


@dataclass(frozen=True)
class PairOfModels:
    """What two models make of one pair."""

    quantities: Float[np.ndarray, "model quantity"]
    """Of the model before, then of the one after: see `QUANTITIES`. The loss is
    not-a-number where the models have different tokens."""
    heads: Float[np.ndarray, "layer head"] | None
    """Mean Jensen–Shannon divergence of the patterns on both prompts, in bits."""


@dataclass(frozen=True)
class TwoModels:
    """What two models make of several pairs."""

    each: Float[np.ndarray, "pair model quantity"]
    low: Float[np.ndarray, " quantity"]
    """Of the mean change: where its 95 % interval begins …"""
    high: Float[np.ndarray, " quantity"]
    """… and where it ends; both are not-a-number for one pair alone."""
    heads: Float[np.ndarray, "layer head"] | None
    heads_low: Float[np.ndarray, "layer head"] | None
    heads_high: Float[np.ndarray, "layer head"] | None

    @property
    def means(self) -> Float[np.ndarray, "model quantity"]:
        """The mean of each quantity over the pairs, for each model."""
        return self.each.mean(0)

    @property
    def change(self) -> Float[np.ndarray, " quantity"]:
        """What is larger by how much after than before, on average."""
        before, after = self.means
        changed: Float[np.ndarray, " quantity"] = after - before
        return changed


def compare_pair(
    before: Checkpoint, after: Checkpoint, row: PairRow, number: int = 1
) -> PairOfModels:
    """Let two models read one pair.

    Args:
        before: One model, with its tokenizer.
        after: Another; it names the answers that the row does not.
        row: Two prompts.
        number: Its place in the list.

    Raises:
        DataError: If the pair cannot be compared in both models.
    """
    second = align(transformer_of(after), after.tokenizer, row, number)
    is_same = same_tokenizer(before.tokenizer, after.tokenizer)
    first = second
    if not is_same or second.length > before.model.config.max_seq_len:
        row = _with_answers(row, after, second)
        first = align(transformer_of(before), before.tokenizer, row, number)
    quantities = np.stack([_quantities(before, first), _quantities(after, second)])
    if is_same:
        return PairOfModels(quantities, _heads(before, after, second))
    quantities[:, -1] = np.nan  # other tokens, another loss per token
    return PairOfModels(quantities, None)


def _with_answers(row: PairRow, checkpoint: Checkpoint, pair: Pair) -> PairRow:
    """Write down the answers that a model found, for another to read."""
    if row.answer:
        return row
    tokens = pair.prompts.answer, pair.prompts.rival
    answer, rival = (checkpoint.tokenizer.decode([token]) for token in tokens)
    if not answer or not rival:
        raise DataError("An answer is a special token, which only one model knows.")
    return row._replace(answer=answer, rival=rival)


def compare_pairs(found: Sequence[PairOfModels]) -> TwoModels:
    """Average what two models make of several pairs.

    Raises:
        DataError: If there is no pair.
    """
    if not found:
        raise DataError("None of these pairs can be compared in both models.")
    each = np.stack([pair.quantities for pair in found])
    low, high = _ends((each[:, 1] - each[:, 0])[:, None])
    heads = [pair.heads for pair in found if pair.heads is not None]
    if len(heads) < len(found):
        return TwoModels(each, low[0], high[0], None, None, None)
    stacked = np.stack(heads)
    return TwoModels(each, low[0], high[0], stacked.mean(0), *_ends(stacked))


def compare_rows(
    before: Checkpoint, after: Checkpoint, rows: Sequence[PairRow]
) -> TwoModels:
    """Let two models read all pairs of a list that both can compare.

    Raises:
        DataError: If there is no such pair.
    """
    found = []
    for number, row in enumerate(rows, 1):
        try:
            found.append(compare_pair(before, after, row, number))
        except DataError:
            continue  # left out: a page says why
    return compare_pairs(found)


def _quantities(checkpoint: Checkpoint, pair: Pair) -> Float[np.ndarray, " quantity"]:
    """Measure what one model makes of a pair."""
    prompts = pair.prompts
    clean = list(prompts.other)
    both = predictions(transformer_of(checkpoint), clean, list(prompts.run))
    losses = read_tokens(checkpoint.model, clean).losses
    return np.array(
        [
            both.before_logits[prompts.answer] - both.before_logits[prompts.rival],
            both.after_logits[prompts.answer] - both.after_logits[prompts.rival],
            both.before[prompts.answer],
            both.after[prompts.rival],
            np.nanmean(losses),
        ],
        dtype=np.float64,
    )


def _heads(
    before: Checkpoint, after: Checkpoint, pair: Pair
) -> Float[np.ndarray, "layer head"] | None:
    """Compare the patterns on both prompts; None where heads have no namesakes."""
    try:
        both = [
            pattern_change_on(before.model, after.model, list(tokens))
            for tokens in (pair.prompts.other, pair.prompts.run)
        ]
    except DataError:
        return None
    mean: Float[np.ndarray, "layer head"] = np.mean(both, axis=0)
    return mean


def _ends(
    values: Float[np.ndarray, "pair row column"],
) -> tuple[Float[np.ndarray, "row column"], Float[np.ndarray, "row column"]]:
    """Return the interval's ends where there is one side, and nothing to divide by."""
    low, high = interval_ends(values[:, None], np.ones((len(values), 1)))
    return low[0], high[0]
