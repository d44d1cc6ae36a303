"""Which checkpoints a training keeps on disk.

- `checkpoint_step_500`: the newest few, and those of steps that were asked for; the
  newest two can be resumed from.
- `checkpoint_epoch_3`: each of them; all can be resumed from.
- `best_model`: the one with the lowest validation loss, to use and not to resume.
"""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from minigpt.checkpoint import (
    TrainingState,
    forget_training_state,
    remove_directory,
    save_checkpoint,
)
from minigpt.model import LanguageModel
from minigpt.tokenizers.base import Tokenizer

RESUMABLE = 2
"""One to resume from, and one more in case that one is damaged."""


class CheckpointKeeper:
    """Saves checkpoints into one directory, and deletes the old.

    Args:
        directory: Where.
        model: What is saved: not a compiled or shared copy.
        keep: How many step checkpoints stay (none: all).
        tokenizer: Goes into every checkpoint.
        always: Steps whose checkpoints stay besides.
        provenance: How the model came to be; part of every checkpoint.
    """

    def __init__(
        self,
        directory: Path,
        model: LanguageModel,
        keep: int | None,
        tokenizer: Tokenizer | None,
        always: Collection[int],
        provenance: dict[str, Any],
    ) -> None:
        self.directory, self.keep, self.tokenizer = directory, keep, tokenizer
        self.model, self.provenance = model, provenance
        self.always = frozenset(always)

    def note_threads(self, before: int, after: int) -> None:
        """Say in later checkpoints that their training changed its threads.

        Sums may differ in the last bit by it, so such a training cannot be repeated to
        the bit.

        Args:
            before: How many there were.
            after: How many there are now.
        """
        used = self.provenance["computed_with"].setdefault("num_threads", [before])
        if after not in used:
            used.append(after)

    def save(
        self,
        name: str,
        step: int,
        facts: dict[str, Any],
        training_state: TrainingState | None = None,
    ) -> Path:
        """Save under a name, then delete step checkpoints that are too many.

        Args:
            name: Of the checkpoint's directory.
            step: Steps taken.
            facts: What else to say in its provenance.
            training_state: What resuming needs, if it should be possible.

        Raises:
            CheckpointError: If it cannot be saved; nothing is deleted then.
        """
        path = save_checkpoint(
            self.directory / name,
            self.model,
            self.tokenizer,
            step=step,
            provenance={**self.provenance, **facts},
            training_state=training_state,
        )
        self._prune(step)
        return path

    def _prune(self, newest: int) -> None:
        """Delete what is too old. Steps beyond `newest` are another training's."""
        found = {
            int(match[1]): path
            for path in self.directory.glob("checkpoint_step_*")
            if (match := re.fullmatch(r"checkpoint_step_(\d+)", path.name))
        }
        steps = sorted(step for step in found if step <= newest)
        counted = [step for step in steps if step not in self.always]
        too_many = counted[: -self.keep] if self.keep else []
        for step in too_many:
            remove_directory(found[step])
        for step in steps[:-RESUMABLE]:
            if step not in too_many:
                forget_training_state(found[step])
