"""A training, once more: the same weights to begin with, the same batches, every bit.

All randomness of a step is a function of the seed and the step's number, so a run can
be taken again and comes out the same. That makes an experiment of it: some windows are
masked out of the loss, and whatever changes is their doing.

Before: `habit`, what is watched meanwhile. Next: `pure_step`.
"""

import copy
import threading
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch

from minigpt.checkpoint import Checkpoint
from minigpt.config import DataConfig, RunConfig, TokenizerConfig, TrainConfig
from minigpt.errors import ConfigError, DataError
from minigpt.model import TransformerLM
from minigpt.preparation.preparation import assemble
from minigpt.preparation.prepared import Prepared
from minigpt.training.batches import Batch, BatchSampler, to_batch
from minigpt.training.distributed import Team
from minigpt.training.loss import IGNORED
from minigpt.training.optimizer import build_optimizer
from minigpt.training.schedule import build_schedule
from minigpt.training.step import StepSetup, take_step

# torch has one source of random numbers for all threads, and every step seeds it.
_drawing = threading.Lock()

ALONE = Team(rank=0, size=1, device=torch.device("cpu"))


@contextmanager
def own_randomness() -> Iterator[None]:
    """Let no other thread draw or seed meanwhile, and leave torch's seed as it was."""
    with _drawing, torch.random.fork_rng(devices=[]), torch.enable_grad():
        yield


class Window(NamedTuple):
    """One window of text that a run learned from: a row of one step's batch."""

    step: int
    """Steps taken before it was read."""
    row: int


def training_of(checkpoint: Checkpoint) -> RunConfig:
    """Return the settings that a model was trained with, as its checkpoint tells them.

    Args:
        checkpoint: Of any step of the run.

    Raises:
        DataError: If it does not tell them, or the model did not begin with random
            weights.
    """
    model, tokenizer, metadata = checkpoint
    known = metadata.provenance
    if "finetune" in known or not isinstance(model, TransformerLM):
        raise DataError(
            "This model was fine-tuned, and began with another model's weights: choose "
            "one that learned from a text alone."
        )
    if not {"data", "train", "text_sha256"} <= known.keys():
        raise DataError(
            "This model was not trained here: which text it read, and in which order, "
            "is not known. Choose a run of your own, or “induction”."
        )
    try:
        return RunConfig(
            data=DataConfig(**known["data"]),
            tokenizer=TokenizerConfig().replace(kind=tokenizer.kind),
            transformer=model.config,
            train=TrainConfig(**known["train"]),
        )
    except (ConfigError, TypeError) as error:
        raise DataError(f"This model's training cannot be repeated: {error}") from None


def prepare_again(config: RunConfig, saved: Path | None = None) -> Prepared:
    """Read a run's text again, and make its model as it was before the first step.

    Args:
        config: Everything that determines the run.
        saved: A checkpoint of the run, for its tokenizer; None: it is learned again.

    Raises:
        DataError: If the text is gone.
    """
    with own_randomness():
        # Nothing is saved, so the directory stays a name.
        return assemble(config, Path("unsaved"), saved)


class Rerun:
    """The training of a run, taken again step by step.

    Args:
        prepared: What `prepare_again` returns; its model stays untrained.
        without: Windows that are masked out of the loss. A step's loss is then the mean
            over its other windows.
    """

    def __init__(
        self, prepared: Prepared, without: AbstractSet[Window] = frozenset()
    ) -> None:
        model = copy.deepcopy(prepared.model)
        assert isinstance(model, TransformerLM)
        self.model: TransformerLM = model
        self._rows_without: dict[int, list[int]] = {}
        for window in without:
            self._rows_without.setdefault(window.step, []).append(window.row)
        self.step = 0
        """Steps taken so far."""
        self.total = prepared.total_steps
        """Steps of the whole run."""
        config = prepared.config.train
        self._sampler = prepared.source.sampler
        self.optimizer = build_optimizer(self.model, config)
        self._schedule = build_schedule(self.optimizer, config, prepared.total_steps)
        self._setup = StepSetup(config, ALONE)

    def advance(self) -> None:
        """Take one step."""
        inputs, labels = batch_of(self._sampler, self.step)
        rows = self._rows_without.get(self.step)
        if rows:
            labels = labels.clone()
            labels[rows] = IGNORED
        with own_randomness():
            take_step(
                self.model, self.optimizer, (inputs, labels), self.step, self._setup
            )
        self._schedule.step()
        self.step += 1


def batch_of(sampler: BatchSampler, step: int) -> Batch:
    """Return the inputs and labels of one step, as the trainer takes them.

    Args:
        sampler: The run's.
        step: Steps taken before.
    """
    return to_batch(sampler.batch(step), ALONE.device)
