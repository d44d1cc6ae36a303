"""All models that can be opened: shipped ones, imported ones, and those of runs.

A model is `data/models/<id>/`: a checkpoint, or a `checkpoints/` directory with one per
saved step, or both, the last step above the earlier ones; and optionally `about.json`
with a `title` and a `description`. For an imported model, `about.json` also names its
`origin`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from minigpt.errors import RunError, near_names
from minigpt.places import shared_models, shipped_models
from minigpt.runs.checkpoints import SavedStep, checkpoint_step, list_checkpoints
from minigpt.runs.store import RUN_ID, Run, RunStore


@dataclass(frozen=True)
class ModelEntry:
    """One model of the catalogue."""

    id: str
    """Name in the URL and on the command line."""
    title: str
    path: Path
    """The checkpoint to open by default."""
    kind: Literal["shipped", "shared", "brought", "run"]
    description: str
    steps: tuple[SavedStep, ...]
    """Every saved step, in order."""

    @property
    def default_step(self) -> int | None:
        """The step of `path`: of a run, its best; None if no step was saved."""
        last = self.steps[-1].step if self.steps else None
        step = checkpoint_step(self.path)
        return step if step in dict(self.steps) else last

    def path_at(self, step: int | None) -> Path:
        """The checkpoint of a training step; None, or an unknown step, is `path`."""
        return dict(self.steps).get(step, self.path) if step is not None else self.path


def available_models(data_dir: Path) -> list[ModelEntry]:
    """List all models that can be opened: `models/` by name, then runs, newest first.

    The models that ship are among them, wherever they lie, and those that a teacher
    shares with a class. A model of one's own hides one of the same name that is not.

    Args:
        data_dir: Contains `models/` and `runs/`; either may be missing.
    """
    paths: dict[str, Path] = {}
    shared = shared_models()
    for models in filter(None, (shipped_models(), shared, data_dir / "models")):
        inside = models.iterdir() if models.is_dir() else ()
        paths |= {path.name: path for path in inside if _is_child(path, models)}
    runs = [_trained(run) for run in RunStore(data_dir / "runs").list()]
    own = {run.id for run in runs if run is not None}
    ready = [
        _ready(path, shared)
        for name, path in sorted(paths.items())
        if path.parent != shared or name not in own
    ]
    return [entry for entry in [*ready, *runs] if entry is not None]


def find_model(data_dir: Path, model_id: str) -> ModelEntry:
    """Return the model with an id.

    Raises:
        RunError: If there is none; suggests similar names.
    """
    known = available_models(data_dir)
    for entry in known:
        if entry.id == model_id:
            return entry
    names = [entry.id for entry in known]
    hint = near_names(model_id, names)
    if not hint:
        hint = f" There are: {', '.join(names[:8])}." if names else " There are none."
    raise RunError(f"There is no model {model_id!r}.{hint}")


def _ready(path: Path, shared: Path | None) -> ModelEntry | None:
    """Read a directory of `models/`; None if it is not, or no longer, a model."""
    steps = list_checkpoints(path / "checkpoints")
    own_step = checkpoint_step(path)
    if own_step is not None:
        steps = sorted([*steps, SavedStep(own_step, path)])
    if not steps:
        return None
    about = _about(path / "about.json")
    brought = "origin" in about
    return ModelEntry(
        id=path.name,
        # An imported model can be renamed.
        title=path.name if brought else about.get("title", path.name),
        path=path if own_step is not None else steps[-1].path,
        kind="shared" if path.parent == shared else "brought" if brought else "shipped",
        description=about.get("description", ""),
        steps=tuple(steps),
    )


def _trained(run: Run) -> ModelEntry | None:
    steps, best = run.to_look_at(), run.best
    if not steps or best is None:
        return None
    try:
        config, status = run.config, run.status()
    except RunError:
        return None
    loss = status.validation_loss
    return ModelEntry(
        id=run.id,
        title=f"{run.id} ({status.state}, step {status.step})",
        path=best,
        kind="run",
        description=f"A {config.model_type} trained on {Path(config.data.source).name}"
        + ("." if loss is None else f"; last validation loss {loss:.3f} nats."),
        steps=tuple(steps),
    )


def _is_child(path: Path, parent: Path) -> bool:
    """Whether a path is a directory with an allowed name, and no link elsewhere."""
    return (
        path.is_dir()
        and RUN_ID.fullmatch(path.name) is not None
        and path.resolve().parent == parent.resolve()
    )


def _about(path: Path) -> dict[str, str]:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(about, dict):
        return {}
    return {key: text for key, text in about.items() if isinstance(text, str)}
