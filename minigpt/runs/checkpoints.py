"""The checkpoints of a run: which steps were saved, and where."""

import json
from pathlib import Path
from typing import Any, NamedTuple


class SavedStep(NamedTuple):
    """One checkpoint of a run."""

    step: int
    path: Path


def list_checkpoints(directory: Path) -> list[SavedStep]:
    """Find the checkpoints directly inside a directory, one per step, in order.

    Args:
        directory: Holds `checkpoint_step_N` and the like; may be missing.
    """
    by_step: dict[int, Path] = {}
    try:
        # `best_model` comes last: a numbered checkpoint of the same step goes first.
        paths = sorted(directory.iterdir(), key=lambda p: (p.name == "best_model", p))
    except (FileNotFoundError, NotADirectoryError):
        return []
    for path in paths:
        step = checkpoint_step(path)
        if step is not None:
            by_step.setdefault(step, path)
    return [SavedStep(step, by_step[step]) for step in sorted(by_step)]


def checkpoint_step(path: Path) -> int | None:
    """The step of a checkpoint directory, or None if it is not a whole one."""
    if path.name.startswith(".") or ".tmp-" in path.name:
        return None
    try:
        config: dict[str, Any] = json.loads(
            (path / "config.json").read_text(encoding="utf-8")
        )
        if config["format"] != "minigpt-checkpoint":
            return None
        return int(config["step"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
