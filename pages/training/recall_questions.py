"""What can be asked about Training from memory: the numbers are in the text."""

import math
from collections.abc import Iterator
from itertools import product
from random import Random

from minigpt.checkpoint import Checkpoint
from minigpt.config import get_recipe
from pages.frame.questions import Question
from pages.frame.words import told_apart

POWERS = range(3, 27)
"""Vocabularies that are asked about are 2 to one of these."""
STILL = 0.02
"""Losses closer than this, in nats, are called equal."""
SCENES = 30

MEANINGS = (
    "It still learns what holds for new text.",
    "It learns its own text by heart.",
    "It has stopped learning.",
)


def untrained(checkpoint: Checkpoint) -> Iterator[Question]:
    """Ask for the loss of not knowing anything: of vocabularies near the model's first.

    Args:
        checkpoint: Whose vocabulary is asked about first, as the nearest power of 2.
    """
    own = math.log2(max(2, checkpoint.tokenizer.vocab_size))
    for place, power in enumerate(sorted(POWERS, key=lambda each: abs(each - own))):
        right, words = power * math.log(2), f"{2**power:,}"
        small, large = (0.0, math.log(power), power / 2), (power, 2 * power, 3 * power)
        begin = place % 4  # so many of the options lie below the right one
        values = sorted({right, *map(float, (*small[:begin], *large[: 3 - begin]))})
        yield Question(
            "training.untrained",
            f"Before training, a model gives each of the {words} tokens in its "
            f"vocabulary about the same probability. {words} is 2 to the power of "
            f"{power}, and ln 2 is 0.693. About how large is its loss, in nats?",
            told_apart(values),
            values.index(right),
            f"The loss is ln {words}, which is {power} times 0.693: {right:.2f}.",
        )


def tokens_read(checkpoint: Checkpoint) -> Iterator[Question]:
    """Ask how many tokens a training reads: first with this model's context."""
    train = get_recipe("default").train
    first = (
        train.max_steps or 1,
        train.batch_size,
        checkpoint.model.config.max_seq_len,
    )
    others = product((100, 500, 2000), (8, 32), (64, 128, 256, 512))
    for place, (steps, batch, context) in enumerate([first, *others]):
        right = steps * batch * context
        wrong = (steps * batch, steps * context, batch * context, 2 * right, 10 * right)
        values = sorted({right, *(wrong[:3], wrong[1:4], wrong[2:])[place % 3]})
        yield Question(
            "training.tokens_read",
            f"In each of {steps:,} steps, a model reads {batch} stretches of {context} "
            "tokens. How many tokens does it read in the whole run?",
            [f"{value:,}" for value in values],
            values.index(right),
            f"{steps:,} × {batch} × {context} is {right:,}.",
        )


def memorizing() -> Iterator[Question]:
    """Ask what two losses say together: on the training text, and on held-out text."""
    random = Random(0)
    for place in range(SCENES):
        meaning = place % len(MEANINGS)
        train = round(random.uniform(1.8, 3.2), 2)
        held_out = round(train + random.uniform(0.05, 0.3), 2)
        change = round(random.uniform(0.1, 0.6), 2)
        trained = train if meaning == 2 else round(train - change, 2)
        unseen = round(held_out + (-change / 2, change / 2, 0.0)[meaning], 2)
        yield Question(
            "training.memorizing",
            "In the second half of a run, the loss on the training text goes from "
            f"{train:.2f} to {trained:.2f} nats, the loss on held-out text from "
            f"{held_out:.2f} to {unseen:.2f}. What does the model do?",
            MEANINGS,
            meaning,
            _why(trained - train, unseen - held_out),
        )


def _why(on_its_own: float, on_new: float) -> str:
    if on_new < -STILL:
        return "It gets better on text that it never saw: what it learns is general."
    if on_its_own < -STILL:
        return (
            "It gets better only on the text that it reads again and again. On text "
            "that it never saw it gets worse."
        )
    return "Neither of the two losses moves any more."
