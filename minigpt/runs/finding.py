"""A run by the words that a person has for it: a directory, or a name."""

from pathlib import Path

from minigpt.places import data_directory
from minigpt.runs.store import Run, RunStore


def find_run(wanted: str) -> Run:
    """Return the run of a directory or a name.

    Args:
        wanted: What the user typed.

    Raises:
        RunError: If there is none; suggests similar names.
    """
    path = Path(wanted).expanduser()
    if (path / "status.json").is_file():
        return Run(path.absolute())
    return RunStore(data_directory() / "runs").open(wanted)
