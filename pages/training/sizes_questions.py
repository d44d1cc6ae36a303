"""What the Training page asks after several sizes: what the line says elsewhere."""

from collections.abc import Iterator, Sequence
from itertools import product

from minigpt.runs.power_law import PowerLaw
from pages.frame.questions import Question
from pages.frame.words import told_apart

FACTORS = (4, 2, 8, 16, 32, 64)


def about_sizes(
    points: Sequence[tuple[int, float]], law: PowerLaw
) -> list[Iterator[Question]]:
    """Ask what the line predicts, and what it does to the loss at every step.

    Args:
        points: Weights and loss of each size, smallest first.
        law: The line through them.
    """
    return [_elsewhere(points, law), _how_much(points, law)]


def _elsewhere(
    points: Sequence[tuple[int, float]], law: PowerLaw
) -> Iterator[Question]:
    for factor, (weights, _) in product(FACTORS, reversed(points)):
        loss, change = law.loss(weights), law.doubling
        right = law.loss(factor * weights)
        options = sorted({right, loss * change, loss / factor, loss})
        yield Question(
            "training.size_line",
            f"On the line, {weights:,} weights have a loss of {loss:.3f} "
            f"nats, and every doubling multiplies it by {change:.3f}. What does the "
            f"line predict for {factor} times as many weights?",
            told_apart(options, 3),
            options.index(right),
            f"{factor} is 2 to the power of {factor.bit_length() - 1}: {loss:.3f} × "
            f"{change:.3f}^{factor.bit_length() - 1} is {right:.3f}.",
        )


def _how_much(points: Sequence[tuple[int, float]], law: PowerLaw) -> Iterator[Question]:
    options = ("the first", "the second", "both by the same")
    for factor, (weights, _) in product(FACTORS, points):
        for second in (factor * weights, weights // factor):
            falls = [law.loss(each) - law.loss(2 * each) for each in (weights, second)]
            yield Question(
                "training.size_fall",
                f"One model grows from {weights:,} to {2 * weights:,} weights, another "
                f"from {second:,} to {2 * second:,}. By the line, whose loss falls by "
                "more nats?",
                options,
                int(falls[1] > falls[0]),
                f"By {falls[0]:.3f} and {falls[1]:.3f} nats: both losses are "
                f"multiplied by {law.doubling:.3f}, and the larger loss loses more.",
            )
