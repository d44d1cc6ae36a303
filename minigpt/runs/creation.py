"""A run's directory comes into being: whole, or its name stays free."""

import json
import time
from contextlib import suppress
from pathlib import Path

from minigpt.atomic_writes import replace_file
from minigpt.config import RunConfig
from minigpt.errors import RunError
from minigpt.runs.status import STARTING, RunStatus, write_status


def make_run_directory(path: Path, config: RunConfig) -> None:
    """Make the directory of a run in state `queued`; it may exist without a run.

    Args:
        path: Where.
        config: Everything that determines the run.

    Raises:
        RunError: If there is a run already, or the directory cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        _remove_remains(path)
        # If two processes create the run at once, the one that makes this wins.
        (path / "checkpoints").mkdir()
    except FileExistsError:
        raise RunError(
            f"There is a run {path.name!r} at {path} already: choose another name, or "
            "resume it."
        ) from None
    except OSError as error:
        raise RunError(f"Cannot make the run's directory {path}: {error}.") from None
    try:
        write_status(path, RunStatus())
        write_config(path, config)
    except OSError as error:
        # Without these two files it is no run, and its name must stay free.
        (path / "status.json").unlink(missing_ok=True)
        (path / "checkpoints").rmdir()
        with suppress(OSError):
            path.rmdir()  # unless it holds something of the user's
        raise RunError(
            f"The run {path.name!r} cannot be saved: {error.strerror or error}. Make "
            "room, and start it again."
        ) from None


def write_config(path: Path, config: RunConfig) -> None:
    """Replace the configuration in a run's directory."""
    text = json.dumps(config.to_dict(), indent=1) + "\n"
    replace_file(path / "config.json", text)


def _remove_remains(path: Path) -> None:
    """Free the name of a run whose creator was killed before it was one."""
    if not (path / "config.json").exists():
        with suppress(OSError):  # it is new, or holds checkpoints: then it is taken
            if time.time() - (path / "checkpoints").stat().st_mtime > STARTING:
                (path / "checkpoints").rmdir()
