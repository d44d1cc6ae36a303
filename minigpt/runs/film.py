"""The film of a run: small copies of the model as it was on its way.

Heads form in the first few dozen steps, long before the first checkpoint. So a run
keeps its model at steps 0, 1, 2, 4, 8 … too, with 16 bits for each weight: three
digits, good enough to look at it and to write with it, not to go on training. A large
model gets fewer pictures, and a very large one none: together they stay below `LIMIT`.
"""

from pathlib import Path
from typing import Any

from minigpt.checkpoint import halve_weights, remove_directory, save_checkpoint
from minigpt.model import LanguageModel
from minigpt.runs.checkpoints import list_checkpoints
from minigpt.runs.snapshots import snapshot_steps
from minigpt.tokenizers.base import Tokenizer

LIMIT = 32_000_000
"""Bytes of all copies of a run together."""


def film_steps(total_steps: int, num_weights: int, limit: int = LIMIT) -> list[int]:
    """Choose the steps of which a copy is kept: 0, 1, 2, 4, 8 … below the last.

    >>> film_steps(20, num_weights=1000)
    [0, 1, 2, 4, 8, 16]
    >>> film_steps(20, num_weights=1000, limit=8000)  # room for four
    [0, 1, 4, 16]

    Args:
        total_steps: Steps of the whole run; its last is a checkpoint anyway.
        num_weights: Of the model; each takes two bytes.
        limit: Bytes of all copies together.
    """
    room = limit // (2 * num_weights)
    if room < 2:
        return []
    growth = 2
    while len(steps := snapshot_steps(total_steps, growth)[:-1]) > room:
        growth *= 2
    return steps


class Film:
    """The copies in a run's `film/` directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def keep(
        self,
        model: LanguageModel,
        tokenizer: Tokenizer,
        step: int,
        provenance: dict[str, Any],
    ) -> None:
        """Keep the model as it is after a step.

        Raises:
            CheckpointError: If the disk is full.
        """
        path = self.directory / f"checkpoint_step_{step}"
        save_checkpoint(path, model, tokenizer, step=step, provenance=provenance)
        halve_weights(path)

    def drop_after(self, step: int) -> None:
        """Delete copies of steps that a resumed run will repeat."""
        for saved in list_checkpoints(self.directory):
            if saved.step > step:
                remove_directory(saved.path)
