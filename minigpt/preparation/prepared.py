"""Everything a trainer needs, assembled from a run's configuration.

`preparation` builds it from a text, `finetuning` from a base and examples; the worker
trains both in the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Subset

from minigpt.config import RunConfig
from minigpt.datasets.corpus import Corpus
from minigpt.model import LanguageModel
from minigpt.preparation.sources import RunSource
from minigpt.tokenizers import Tokenizer
from minigpt.training.callbacks import TrainerCallback
from minigpt.training.objective import Objective
from minigpt.training.trainer import Trainer

_MIN_EVAL_BATCH = 32


@dataclass(frozen=True)
class Prepared:
    """All that is needed to train."""

    config: RunConfig
    text_sha256: str
    """Hash of everything it trains on."""
    tokenizer: Tokenizer
    model: LanguageModel
    source: RunSource
    checkpoint: Path | None
    """The checkpoint to resume from, if any."""
    start_step: int
    total_steps: int
    output_dir: Path
    provenance: dict[str, Any]
    corpus: Corpus | None = None
    """The text it trains on, if it is a single long text."""
    objective: Objective | None = None
    """What to minimise (none: the next token's loss)."""

    def build_trainer(self, callbacks: Sequence[TrainerCallback]) -> Trainer:
        """Build the trainer."""
        train, held_out = self.config.train, self.source.held_out
        # Shuffled once, so that the first batches are a fair sample for interim
        # evaluations.
        random = torch.Generator().manual_seed(train.seed)
        number = len(held_out)  # type: ignore[arg-type]
        shuffled = Subset(held_out, torch.randperm(number, generator=random).tolist())
        batch_size = max(train.batch_size, _MIN_EVAL_BATCH)
        return Trainer(
            self.model,
            self.source.sampler,
            DataLoader(shuffled, batch_size, collate_fn=self.source.collate),
            output_dir=self.output_dir,
            config=train,
            tokenizer=self.tokenizer,
            callbacks=callbacks,
            provenance=self.provenance,
            objective=self.objective,
        )


def installed_version() -> str:
    """Return minigpt's version, for a checkpoint's provenance."""
    try:
        return version("minigpt-glass")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "source"
