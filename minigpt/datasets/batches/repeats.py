"""A warm-up of repetitions: what teaches a model to copy, before it reads a story.

A name in a story is best predicted by looking back for it. A young model does not look
back: guessing by frequency is good enough for long, and its loss stays on a plateau. In
a text of a few tokens in random order, said again and again, frequency is no use: only
looking back helps. A few hundred steps of that, and the heads are there that a story
needs.

Source: Olsson et al. 2022, arXiv:2209.11895, for repeated random tokens.
"""

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from minigpt.datasets.batches.windows import WindowSampler
from minigpt.datasets.repeated_words import RepeatedWords

ALPHABET = 12
"""Different tokens in one window."""
REPETITIONS = 4
"""How often its segment is said."""


class RepeatsFirst:
    """Another sampler's batches, after some steps of repetitions.

    Args:
        sampler: What the model learns from afterwards, from its own step 0 on.
        steps: How many steps to begin with.
        vocabulary: The ids to repeat.
    """

    def __init__(
        self,
        sampler: WindowSampler | RepeatedWords,
        steps: int,
        vocabulary: Int[Tensor, " token"],
    ) -> None:
        self.sampler, self.steps, self.vocabulary = sampler, steps, vocabulary

    @property
    def steps_per_epoch(self) -> int:
        """Those of the sampler."""
        return self.sampler.steps_per_epoch

    def batch(
        self, step: int, rank: int = 0, world_size: int = 1
    ) -> tuple[Int[Tensor, "batch pos"], Int[Tensor, "batch pos"]]:
        """Return one process's share of a step's batch: see `WindowSampler`."""
        if step >= self.steps:
            return self.sampler.batch(step - self.steps, rank, world_size)
        windows = self.repetitions(step)[rank::world_size]
        return windows[:, :-1], windows[:, 1:]

    def repetitions(self, step: int) -> Int[Tensor, "batch length"]:
        """Make the windows of one step, inputs and last label."""
        rng = np.random.default_rng([self.sampler.seed, 1, step])
        batch, length = self.sampler.batch_size, self.sampler.context + 1
        alphabets = rng.choice(self.vocabulary.numpy(), size=(batch, ALPHABET))
        segment = -(-length // REPETITIONS)
        places = rng.integers(ALPHABET, size=(batch, segment))
        segments = np.take_along_axis(alphabets, places, axis=1)
        windows = np.tile(segments, REPETITIONS)[:, :length]
        return torch.from_numpy(windows.astype(np.int64))
