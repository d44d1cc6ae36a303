"""Predict of the tuned lens: how near does a translation come to the output?"""

from collections.abc import Iterator

from pages.frame.questions import Question
from pages.frame.words import plain
from pages.logit_lens import numbers
from pages.logit_lens.numbers import LensReading

HALF = 0.5

UNCLEAR = 0.03
"""Of the raw lens's distance: what is so near to a limit is not asked about."""

FELT = 0.01
"""Nats: a raw lens that is nearer to the output has little to be translated."""


def nearer(source: LensReading) -> Iterator[Question]:
    """Ask, of one point after another, what translating the stream there gains.

    Args:
        source: The model; its lens is trained.
    """
    found = numbers.distances(source.checkpoint)
    if found is None:
        return
    names = [point.name for point in source.lens().points]
    for name, raw, tuned in zip(names[:-1], found.raw, found.tuned, strict=False):
        share = float(tuned / max(raw, FELT))
        if raw < FELT or min(abs(share - limit) for limit in (HALF, 1)) < UNCLEAR:
            continue
        yield Question(
            "logit_lens.tuned_nearer",
            f"Read after **{plain(name)}**, the logit lens is KL {raw:.2f} nats away "
            "from the model's own output, on average over held-out text. And the tuned "
            "lens, which has learned to translate?",
            ("no nearer", "nearer, but more than half as far", "less than half as far"),
            (share < 1) + (share < HALF),
            f"KL {tuned:.2f} nats instead of {raw:.2f}. No translation can add what is "
            "not yet in the stream.",
        )
