"""The checkpoints of a run: which steps were saved, and where."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from minigpt.regular_files import read_regular


class SavedStep(NamedTuple):
    """One checkpoint of a run."""

    step: int
    path: Path


class FromStep(NamedTuple):
    """To resume from the checkpoint of a step, and not from the newest."""

    step: int


def list_checkpoints(directory: Path) -> list[SavedStep]:
    """Find the checkpoints directly inside a directory, one per step, in order.

    Args:
        directory: Contains `checkpoint_step_N` and so on; may be missing.
    """
    by_step: dict[int, Path] = {}
    try:
        # `best_model` last: a numbered checkpoint of the same step takes precedence.
        paths = sorted(directory.iterdir(), key=lambda p: (p.name == "best_model", p))
    except (FileNotFoundError, NotADirectoryError):
        return []
    for path in paths:
        step = checkpoint_step(path)
        if step is not None:
            by_step.setdefault(step, path)
    return [SavedStep(step, by_step[step]) for step in sorted(by_step)]


def checkpoint_step(path: Path) -> int | None:
    """Return the step of a checkpoint directory; None if it is not a complete one."""
    if path.name.startswith(".") or ".tmp-" in path.name:
        return None
    try:
        config: dict[str, Any] = json.loads(read_regular(path / "config.json"))
        if config["format"] != "minigpt-checkpoint":
            return None
        return int(config["step"])
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
