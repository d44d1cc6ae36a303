"""Batches out of one long row of tokens, any of them at any time.

Which windows step 7,031 sees is computed from the number 7,031, not remembered: a run
that was killed and resumed sees exactly what it would have seen, and several processes
agree on their shares without talking to each other.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from minigpt.datasets.batches.shuffles import Scattered, random_order
from minigpt.datasets.files.token_rows import TokenRow, as_row
from minigpt.errors import ConfigError, DataError


class WindowSampler:
    """The batches of a training run, as a function of (seed, step, rank).

    In each epoch the row is cut into windows that do not overlap, starting at a new
    random offset (so that no token always stands at a window's edge), and the windows
    are shuffled. The few that do not fill a last batch wait for the next epoch.

    Args:
        tokens: The row to learn from; it may lie in a file.
        context: Tokens to read in one window.
        batch_size: Windows per step, over all processes.
        seed: Same seed, same batches.

    Raises:
        DataError: If the row is shorter than one window and its last label.
    """

    def __init__(
        self,
        tokens: Sequence[int] | Int[Tensor, " pos"] | np.ndarray | TokenRow,
        context: int,
        batch_size: int,
        seed: int,
    ) -> None:
        if context < 1 or batch_size < 1:
            raise ConfigError(
                f"context is {context} and batch_size {batch_size}: both must be at "
                "least 1."
            )
        self.tokens = as_row(tokens)
        self.context = context
        self.batch_size = batch_size
        self.seed = seed
        if len(self.tokens) <= context:
            raise DataError(
                f"The text has {len(self.tokens):,} tokens to learn from; one window "
                f"needs {context + 1:,}: give a longer text, or a smaller max_seq_len."
            )
        questions = len(self.tokens) - 1
        # One window less than would fit leaves room for the offset.
        self.windows_per_epoch = max(1, questions // context - 1)
        self._room = questions - self.windows_per_epoch * context
        self._epoch: tuple[int, int, np.ndarray | Scattered] | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which every window is seen once."""
        return max(1, self.windows_per_epoch // self.batch_size)

    def batch(
        self, step: int, rank: int = 0, world_size: int = 1
    ) -> tuple[Int[Tensor, "batch pos"], Int[Tensor, "batch pos"]]:
        """Return one process's share of a step's batch.

        Args:
            step: From 0.
            rank: Which process, from 0.
            world_size: How many processes share the batch; at most `batch_size`.

        Returns:
            Inputs, and labels: the tokens that follow. The shares of all ranks are the
            batch of one process alone.
        """
        if not 0 <= rank < world_size <= self.batch_size:
            raise ConfigError(
                f"batch_size is {self.batch_size}, for {world_size} processes (this is "
                f"rank {rank}): each process needs at least one window."
            )
        epoch, within = divmod(step, self.steps_per_epoch)
        offset, order = self._shuffled(epoch)
        first = within * self.batch_size
        numbers = np.arange(first + rank, first + self.batch_size, world_size)
        # A text of fewer windows than a batch holds repeats them within the batch.
        chosen = order[numbers % self.windows_per_epoch] * self.context
        starts = torch.from_numpy(offset + chosen)
        windows = self.tokens[starts[:, None] + torch.arange(self.context + 1)].long()
        return windows[:, :-1], windows[:, 1:]

    def _shuffled(self, epoch: int) -> tuple[int, np.ndarray | Scattered]:
        """Return where an epoch's first window begins, and the order of all of them."""
        if self._epoch is None or self._epoch[0] != epoch:
            random = np.random.default_rng([self.seed, epoch])
            offset = int(random.integers(self._room + 1))
            order = random_order(self.windows_per_epoch, random)
            self._epoch = epoch, offset, order
        return self._epoch[1:]
