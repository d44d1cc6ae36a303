"""Where a mean that improves hides that many tokens got worse."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.differences.comparison import PieceChanges, compare_text

LEAST_GAIN = 0.05
"""Nats per token (or character) by which the mean must improve."""
LEAST_LOSS = 0.5
"""Nats by which one piece at least must get worse."""


@dataclass(frozen=True)
class CompareOpening:
    """Which model to compare with, and on which text."""

    before: int
    """Place among the models that were searched."""
    text: int
    """Place among the texts."""
    effects: Mapping[str, float]
    """`mean` [nats per token or character]: below 0, it improves. `worse`: how many
    pieces got worse, out of `compared`. `worst` [nats]: how much one of them lost."""


def compare_opening(
    befores: Sequence[Checkpoint], after: Checkpoint, texts: Sequence[str]
) -> CompareOpening | None:
    """Search the text whose mean loss improves while most of its pieces get worse.

    Args:
        befores: Models to compare with: earlier steps, or other models.
        after: The model that should be the better one.
        texts: Texts that it did not learn from.

    Returns:
        None where no text's mean improves, or none of its pieces gets clearly worse.
    """
    return max(
        (
            found
            for found in _all(befores, after, texts)
            if found.effects["mean"] <= -LEAST_GAIN
            and found.effects["worst"] >= LEAST_LOSS
        ),
        key=lambda found: found.effects["worse"] / found.effects["compared"],
        default=None,
    )


def _all(
    befores: Sequence[Checkpoint], after: Checkpoint, texts: Sequence[str]
) -> Iterator[CompareOpening]:
    for number, before in enumerate(befores):
        for place, text in enumerate(texts):
            try:
                changes = compare_text(before, after, text).changes
            except DataError:
                continue  # too long for one of them, or their tokens never meet
            yield CompareOpening(number, place, _effects(changes))


def _effects(changes: PieceChanges) -> dict[str, float]:
    return {
        "mean": changes.mean_change,
        "worse": changes.worse,
        "compared": changes.compared,
        "worst": float(changes.change[changes.worst]),
    }
