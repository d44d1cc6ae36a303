"""Lessons before a text, and now and then in it: answers count as much as all the rest.

The first steps, or those after a first look at the text, go through the lessons of
`lessons` in order, each with a look back at those before it. Afterwards a share of the
steps returns to them. In every other
of these steps only answers have labels: then all of the step's gradient comes from
looking things up. In the steps between, the lesson is read as any text is; with answers
alone, places and owners were bound, and colours were not.
"""

from bisect import bisect_right
from itertools import accumulate
from random import Random

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from minigpt.datasets.batches.examples import PAD_INPUT, PAD_LABEL
from minigpt.datasets.batches.repeats import RepeatsFirst
from minigpt.datasets.tales.lessons import (
    LESSONS,
    WORDS,
    LessonName,
    paired,
    repeated,
    write_lesson,
)
from minigpt.errors import ConfigError
from minigpt.tokenizers import Tokenizer

SHARES = (0.039, 0.052, 0.208, 0.195, 0.156, 0.35)
"""How much of the lessons' time each takes."""
LOOK_BACK = 0.2
"""How often a lesson gives way to an earlier one."""
LATER: tuple[LessonName, ...] = ("facts", "questions", "stories", "stories", "longer")
"""To what the text gives way."""
ROWS_PER_WINDOW = {
    "repeats": 3,
    "pairs": 3,
    "facts": 3,
    "questions": 2,
    "stories": 2,
    "longer": 2,
}
"""A lesson is short: so many of each take about the time of one window."""
REPEATED_LENGTH = 64

Batch = tuple[Int[Tensor, "batch pos"], Int[Tensor, "batch pos"]]
Row = tuple[list[int], list[bool]]
"""Tokens, and which of them are learned."""


class LessonsFirst:
    """Another sampler's batches, after the lessons and between them.

    Args:
        sampler: What the model learns from besides.
        tokenizer: Turns lessons into tokens.
        start: How many steps on the text come before the first lesson.
        steps: How many steps the lessons take.
        share: Which share of the later steps are lessons.

    Raises:
        ConfigError: If the window is too short for a lesson.
    """

    def __init__(
        self,
        sampler: RepeatsFirst,
        tokenizer: Tokenizer,
        *,
        steps: int,
        share: float,
        start: int = 0,
    ) -> None:
        windows = sampler.sampler
        if windows.context < REPEATED_LENGTH:
            raise ConfigError(
                f"max_seq_len is {windows.context}, and a lesson takes "
                f"{REPEATED_LENGTH} tokens: choose a longer window, or set "
                "lesson_steps to 0."
            )
        self.sampler, self.tokenizer = sampler, tokenizer
        self.start, self.steps, self.share = start, steps, share
        self.context = windows.context
        self.batch_size, self.seed = windows.batch_size, windows.seed
        self._ends = [round(steps * end) for end in accumulate(SHARES)]
        encoded = [tokenizer.encode(f" {word}") for word in WORDS]
        self._words = sorted({tokens[-1] for tokens in encoded})
        self._stop = tokenizer.encode(".")[-1]

    @property
    def steps_per_epoch(self) -> int:
        """Those of the sampler."""
        return self.sampler.steps_per_epoch

    def lesson(self, step: int) -> LessonName | None:
        """Return which lesson a step belongs to; None if it is the text's turn."""
        if step < self.start:
            return None
        rng = Random(f"which lesson {self.seed} {step}")
        if step >= self.start + self.steps:
            return rng.choice(LATER) if rng.random() < self.share else None
        stage = min(bisect_right(self._ends, step - self.start), len(LESSONS) - 1)
        if stage and rng.random() < LOOK_BACK:
            stage = rng.randrange(stage)
        return LESSONS[stage]

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        """Return one process's share of a step's batch: see `WindowSampler`."""
        name = self.lesson(step)
        if name is None:
            read = step if step < self.start else step - self.steps
            return self.sampler.batch(read, rank, world_size)
        rng = Random(f"lesson {self.seed} {step}")
        number = self.batch_size * ROWS_PER_WINDOW[name]
        rows = [self._row(rng, name) for _ in range(number)]
        if step % 2 and name not in ("repeats", "pairs"):
            rows = [(tokens, [True] * len(tokens)) for tokens, _ in rows]
        return _padded(rows[rank::world_size], self.context)

    def _row(self, rng: Random, name: LessonName) -> Row:
        (first,) = self.tokenizer.encode("", add_bos=True)
        if name == "repeats":
            tokens, new = repeated(rng, self._words, REPEATED_LENGTH)
            return [first, *tokens], [i > new for i in range(len(tokens) + 1)]
        if name == "pairs":
            tokens, known = paired(rng, self._words, self._stop)
            return [first, *tokens], [False, *known]
        row, is_answer = [first], [False]
        for part in write_lesson(rng, name):
            tokens = self.tokenizer.encode(part.text)
            row += tokens
            is_answer += [part.is_answer] * len(tokens)
        return row, is_answer


def _padded(rows: list[Row], context: int) -> Batch:
    """Put rows into one batch, as long as its longest row and no longer than a window.

    Returns:
        Inputs, and labels: of what is learned, and of nothing else.
    """
    inputs: list[Int[Tensor, " pos"]] = []
    labels: list[Int[Tensor, " pos"]] = []
    for tokens, is_learned in rows:
        row = torch.tensor(tokens[: context + 1])
        counts = torch.tensor(is_learned[: context + 1])
        inputs.append(row[:-1])
        labels.append(torch.where(counts, row, PAD_LABEL)[1:])
    return (
        pad_sequence(inputs, batch_first=True, padding_value=PAD_INPUT),
        pad_sequence(labels, batch_first=True, padding_value=PAD_LABEL),
    )
