"""Batches: which tokens each step learns from, a pure function of seed and step.

Two sources look alike to the trainer. A `WindowSampler` computes any step's batch
directly. A torch `DataLoader` only counts forward: its shuffling is seeded anew for
each epoch, and to resume in the middle it skips what was already seen.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor
from torch.utils.data import DataLoader

from minigpt.errors import DataError
from minigpt.training.distributed import Team
from minigpt.training.loss import IGNORED

Batch = tuple[Int[Tensor, "batch pos"], Int[Tensor, "batch pos"]]
"""Inputs and labels."""


@runtime_checkable
class BatchSampler(Protocol):
    """What the trainer needs of a `WindowSampler`."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one pass."""
        ...

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        """Return one process's part of a step's batch."""
        ...


class Batches(ABC):
    """What the trainer takes its steps from."""

    steps_per_epoch: int | None
    """None if the data has no known length."""

    @abstractmethod
    def epoch(self, number: int, start: int) -> Iterator[Batch]:
        """Yield the batches of epoch `number`, from batch `start` on."""


def random_seed(*parts: int | str) -> int:
    """Make one seed of several numbers and words, all of them mattering.

    >>> random_seed(1337, "dropout", 5) == random_seed(1337, "dropout", 6)
    False
    """
    text = "/".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "little")


def to_batch(raw: Any, device: torch.device | str) -> Batch:
    """Take inputs and labels out of what a data loader yields.

    Args:
        raw: A pair, or a mapping with `input_ids` and `labels`.
        device: Where to put them.

    Raises:
        DataError: If it is neither.
    """
    if isinstance(raw, Mapping) and {"input_ids", "labels"} <= raw.keys():
        raw = raw["input_ids"], raw["labels"]
    if not isinstance(raw, tuple | list) or len(raw) != 2:
        raise DataError(
            "A batch must be a pair (inputs, labels), or a mapping with 'input_ids' "
            f"and 'labels'; the data loader gave a {type(raw).__name__}."
        )
    inputs, labels = raw
    return inputs.to(device, torch.long), labels.to(device, torch.long)


class SampledBatches(Batches):
    """Batches of a `WindowSampler`: any of them, at once."""

    def __init__(self, sampler: BatchSampler, team: Team) -> None:
        self.sampler, self.team = sampler, team
        self.steps_per_epoch = sampler.steps_per_epoch

    def epoch(self, number: int, start: int) -> Iterator[Batch]:
        """See `Batches`."""
        length = self.sampler.steps_per_epoch
        for step in range(number * length + start, (number + 1) * length):
            raw = self.sampler.batch(step, self.team.rank, self.team.size)
            yield to_batch(raw, self.team.device)


class LoadedBatches(Batches):
    """Batches of a `DataLoader`, in an order that depends on seed and epoch alone."""

    def __init__(self, loader: DataLoader[Any], seed: int, team: Team) -> None:
        self.loader, self.seed, self.team = loader, seed, team
        try:
            self.steps_per_epoch = len(loader)
        except TypeError:  # a stream of unknown length
            self.steps_per_epoch = None

    def epoch(self, number: int, start: int) -> Iterator[Batch]:
        """See `Batches`."""
        torch.manual_seed(random_seed(self.seed, "order", number))
        for generator in self._own_generators():
            generator.manual_seed(random_seed(self.seed, "order", number))
        iterator = iter(self.loader)
        for position in count():
            # A dataset may draw random numbers: the same ones for the same batch.
            torch.manual_seed(random_seed(self.seed, "data", number, position))
            try:
                raw = next(iterator)
            except StopIteration:
                break
            if position >= start:
                yield self._own_rows(to_batch(raw, self.team.device))
        if position == 0:
            raise DataError("train_dataloader is empty: it yields no batch at all.")

    def _own_generators(self) -> list[torch.Generator]:
        owners = (self.loader, getattr(self.loader, "sampler", None))
        found = {id(g): g for o in owners if (g := getattr(o, "generator", None))}
        return list(found.values())

    def _own_rows(self, batch: Batch) -> Batch:
        """Take every size-th row; where none is left, one that teaches nothing."""
        if self.team.size == 1:
            return batch
        inputs, labels = (part[self.team.rank :: self.team.size] for part in batch)
        if len(inputs):
            return inputs, labels
        return batch[0][:1], torch.full_like(batch[1][:1], IGNORED)


def build_batches(
    data: DataLoader[Any] | BatchSampler, seed: int, team: Team
) -> Batches:
    """Make a source of steps out of what the trainer was given."""
    if isinstance(data, BatchSampler):
        return SampledBatches(data, team)
    return LoadedBatches(data, seed, team)
