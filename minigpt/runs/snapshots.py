"""Snapshots of heads as they form: attention on one fixed text, at log-spaced steps.

Heads form early and fast, so snapshots are frequent at first (steps 0, 1, 2, 3, 4, 6,
8, 11, 16 …) and rare later. An attention weight w from 0 to 1 is stored as the byte
round(255 · w): precise enough for a picture, at a quarter of the size.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from minigpt.atomic_writes import replace_file, replaced_file
from minigpt.errors import RunError
from minigpt.interpret.heads.scores import SCORES, HeadScores, head_scores


class Snapshot(NamedTuple):
    """Every head's attention on the probe text at one step."""

    step: int
    patterns: UInt8[np.ndarray, "layer head q_pos k_pos"]
    """255 stands for an attention weight of 1."""
    scores: HeadScores


def snapshot_steps(total_steps: int, growth: float = 2**0.5) -> list[int]:
    """Choose the steps of the snapshots: 0, 1, 2, 3, 4, 6, 8, 11, … and the last.

    >>> snapshot_steps(20)
    [0, 1, 2, 3, 4, 6, 8, 11, 16, 20]

    Args:
        total_steps: Steps of the whole run.
        growth: Factor from one step to the next.
    """
    steps = {0, total_steps}
    moment = 1.0
    while moment < total_steps:
        steps.add(round(moment))
        moment *= growth
    return sorted(steps)


class Snapshots:
    """The snapshots in a run's `snapshots/` directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def pieces(self) -> list[str]:
        """The probe text's tokens as text; empty before the first snapshot."""
        return [str(piece) for piece in self._probe("pieces")]

    @property
    def steps(self) -> list[int]:
        """Steps that have a snapshot, in order."""
        if not self.directory.is_dir():
            return []
        names = [path.name for path in self.directory.iterdir()]
        found = [re.fullmatch(r"step_(\d+)\.safetensors", name) for name in names]
        return sorted(int(match[1]) for match in found if match)

    def load(self, step: int) -> Snapshot:
        """Read the snapshot of one step.

        Raises:
            RunError: If there is none, or its file is damaged.
        """
        path = self._path(step)
        try:
            tensors = load_file(path)
            patterns = tensors["patterns"]
            # Snapshots from before a score was added lack it.
            unknown = np.full(patterns.shape[:2], np.nan)
            scores: dict[str, Any] = {
                name: tensors.get(name, unknown) for name in SCORES
            }
            return Snapshot(step, patterns, HeadScores(**scores))
        except FileNotFoundError:
            raise RunError(f"There is no snapshot of step {step}.") from None
        except (OSError, SafetensorError, KeyError) as error:
            raise RunError(f"{path} cannot be read: {error}.") from None

    def write_probe(self, pieces: list[str], tokens: list[int]) -> None:
        """Store the probe text that all snapshots share."""
        self.directory.mkdir(exist_ok=True)
        probe = json.dumps({"pieces": pieces, "tokens": tokens}, ensure_ascii=False)
        replace_file(self.directory / "probe.json", probe)

    def save(
        self, step: int, patterns: Float[np.ndarray, "layer head q_pos k_pos"]
    ) -> None:
        """Write one snapshot of the probe; a reader sees it whole or not at all."""
        scores = head_scores(patterns, [int(token) for token in self._probe("tokens")])
        tensors = {
            name: np.ascontiguousarray(getattr(scores, name), dtype=np.float32)
            for name in SCORES
        }
        tensors["patterns"] = np.round(np.asarray(patterns) * 255).astype(np.uint8)
        with replaced_file(self._path(step)) as temporary:
            save_file(tensors, temporary)

    def drop_after(self, step: int) -> None:
        """Delete snapshots of steps that a resumed run will repeat."""
        for later in self.steps:
            if later > step:
                self._path(later).unlink(missing_ok=True)

    def _probe(self, part: str) -> list[Any]:
        """Return the probe's `pieces` or `tokens`; empty before it is written."""
        path = self.directory / "probe.json"
        try:
            return list(json.loads(path.read_text(encoding="utf-8"))[part])
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def _path(self, step: int) -> Path:
        return self.directory / f"step_{step:06d}.safetensors"
