"""Which checkpoint does `--model_path` mean?

It may be a checkpoint's directory, a run's directory, a run's name, or the name of a
shipped model. A trailing `.pt`, as in tutorials, is ignored; `models/best_model.pt`, if
it does not exist, means the best checkpoint of the newest run.
"""

from pathlib import Path

from minigpt.cli.output import note
from minigpt.errors import CheckpointError, RunError
from minigpt.library.catalogue import available_models, find_model
from minigpt.places import data_directory
from minigpt.regular_files import expanded
from minigpt.runs.checkpoints import checkpoint_step
from minigpt.runs.store import Run

_TUTORIAL_NAME = "best_model"


def find_checkpoint(wanted: str | None) -> Path:
    """Turn `--model_path` into a checkpoint's directory.

    Args:
        wanted: The value of the flag; None means the newest model.

    Raises:
        CheckpointError: If nothing matches; lists what exists.
    """
    if wanted is None:
        return _newest()
    given = expanded(wanted)
    for path in (given, given.with_suffix("") if given.suffix == ".pt" else given):
        found = _at(path)
        if found is not None:
            return found
    if given.stem == _TUTORIAL_NAME and given.suffix == ".pt":
        path = _newest()
        note(f"There is no {wanted}: using {path}.")
        return path
    try:
        return find_model(data_directory(), wanted).path
    except RunError as error:
        kind = "is not a checkpoint" if given.exists() else "does not exist"
        raise CheckpointError(
            f"{wanted} {kind}, and no model has that name. {error}"
        ) from None


def _at(path: Path) -> Path | None:
    """Return the checkpoint at a path, if any."""
    beside = path.parent / "checkpoints" / path.name
    for place in (path, beside):
        if checkpoint_step(place) is not None:
            return place
    if (path / "status.json").is_file():
        best = Run(path).best
        if best is None:
            raise CheckpointError(f"The run at {path} has no checkpoint yet.")
        return best
    if (path / "model.safetensors").is_file():
        return path  # damaged: loading it will explain how
    return None


def _newest() -> Path:
    entries = available_models(data_directory())
    runs = [entry for entry in entries if entry.kind == "run"]
    for entry in runs or entries:
        return entry.path
    raise CheckpointError(
        "There is no trained model yet. Train one: python -m minigpt quickstart"
    )
