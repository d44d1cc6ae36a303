"""Runs on disk: one directory each, created, found, read and deleted here.

data/runs/<id>/
    config.json     the RunConfig: everything that determines the run
    status.json     its current state (see `status`)
    metrics.jsonl   one line per logged step and per evaluation (see `files`)
    samples.jsonl   text that the model generated at each evaluation
    log.txt         details for when something goes wrong
    ticket.json     exists while the run waits for its turn (see `ticket`)
    job.json        which job of a cluster trains it (see `job`)
    stop            exists when the run was asked to stop
    lock            held by the process that trains
    checkpoints/    checkpoint_step_N, checkpoint_epoch_N, best_model
    snapshots/      attention on a fixed text at log-spaced steps
    race.json       which race it takes part in (see `minigpt.worker.racing`)
    series.json     which series of sizes it is part of (see `minigpt.worker.series`)
    guess.json      a prediction made before the run (see `learning_to_copy`)
    curves.svg      the loss curve as a picture, written at the end
"""

import json
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from minigpt.config import RunConfig
from minigpt.errors import RunError, near_names
from minigpt.places import shipped_models
from minigpt.runs.checkpoints import SavedStep, list_checkpoints
from minigpt.runs.creation import make_run_directory, write_config
from minigpt.runs.files import JournalChunk, read_journal
from minigpt.runs.job import is_elsewhere
from minigpt.runs.lock import RunLock
from minigpt.runs.status import UNREADABLE, RunStatus, read_status, withdraw

if TYPE_CHECKING:
    from minigpt.runs.snapshots import Snapshots

RUN_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_RUN_ID_WORDS = (
    "a run's name is 1 to 32 of a-z, 0-9, _ and -, and begins with a letter or digit"
)


class Run:
    """One run's directory. Each call reads it anew: another process writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def config(self) -> RunConfig:
        """Everything that determines the run.

        Raises:
            RunError: If the file is missing or damaged.
        """
        path = self.path / "config.json"
        try:
            return RunConfig(**json.loads(path.read_text(encoding="utf-8")))
        except UNREADABLE as error:
            raise RunError(f"{path} cannot be read: {error}") from None

    def status(self) -> RunStatus:
        """The run's state, seen from outside: a dead process is `interrupted`.

        Raises:
            RunError: If the status is missing or damaged.
        """
        return read_status(self.path)

    def metrics(self, offset: int = 0) -> JournalChunk:
        """Read what was measured since `offset`.

        Each record has `kind` ("step" or "evaluation"), `step` and `loss`; see
        `worker` for the other fields, and `files` for how to treat `restart`.

        Args:
            offset: What an earlier call returned, in bytes.
        """
        return read_journal(self.path / "metrics.jsonl", offset)

    def samples(self, offset: int = 0) -> JournalChunk:
        """Read samples added since `offset`: `step`, `prompt`, `text`."""
        return read_journal(self.path / "samples.jsonl", offset)

    def snapshots(self) -> "Snapshots":
        """Attention on the run's fixed probe text; empty for a model without heads."""
        # Imported here because it imports torch, and --help must not wait for that.
        from minigpt.runs.snapshots import Snapshots

        return Snapshots(self.path / "snapshots")

    def checkpoints(self) -> list[SavedStep]:
        """Every checkpoint, one per step, in order of the step."""
        return list_checkpoints(self.path / "checkpoints")

    def to_look_at(self) -> list[SavedStep]:
        """Every step that can be opened: the film's small copies, the checkpoints."""
        small = list_checkpoints(self.path / "film")
        found = dict(small) | dict(self.checkpoints())
        return [SavedStep(step, found[step]) for step in sorted(found)]

    @property
    def latest(self) -> Path | None:
        """The checkpoint with the highest step, or None before the first."""
        steps = self.checkpoints()
        return steps[-1].path if steps else None

    @property
    def best(self) -> Path | None:
        """The checkpoint to open: usually the one with the lowest validation loss.

        Of a fine-tuning on a file of one's own it is the latest. The lines held out
        there often hold other facts, so that their loss rises from the first steps,
        while the model learns the facts that it is taught.
        """
        path = self.path / "checkpoints" / "best_model"
        if self._learns_own_file or not (path / "config.json").is_file():
            return self.latest
        return path

    @property
    def _learns_own_file(self) -> bool:
        try:
            finetune = self.config.finetune
        except RunError:
            return False
        return finetune is not None and finetune.is_own_file

    @property
    def stop_requested(self) -> bool:
        """Whether the run was asked to stop."""
        return (self.path / "stop").exists()

    def request_stop(self) -> None:
        """Ask the training process to save and stop; it checks at every step.

        A run that waits for its turn waits no more.

        Raises:
            RunError: If no process is training the run.
        """
        if withdraw(self.path):
            return
        status = self.status()
        if not status.is_alive:
            raise RunError(
                f"The run {self.id!r} is {status.state}, so there is nothing to stop."
            )
        (self.path / "stop").touch()

    def log(self, text: str) -> None:
        """Append lines to log.txt, with the time; on a full disk, go on without."""
        line = f"[{time.strftime('%Y-%m-%d %H:%M:%S')}] {text.rstrip()}\n"
        log = self.path / "log.txt"
        with suppress(OSError), log.open("a", encoding="utf-8") as file:
            file.write(line)

    def read_log(self, max_characters: int = 20_000) -> str:
        """Return the end of log.txt."""
        try:
            text = (self.path / "log.txt").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return text[-max_characters:]

    def write_config(self, config: RunConfig) -> None:
        """Replace the run's configuration."""
        write_config(self.path, config)


class RunStore:
    """All runs under one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self, config: RunConfig, name: str | None = None) -> Run:
        """Create a new run's directory, in state `queued`; nothing starts yet.

        Args:
            config: Everything that determines the run.
            name: Its id; None derives one from the text's name and the time.

        Raises:
            RunError: If the name is not allowed or taken.
        """
        if name is not None:
            path = self._path(name)
            places = (self.root.parent / "models", shipped_models())
            if any(place and (place / name).exists() for place in places):
                raise RunError(f"{name!r} is a shipped model's name: choose another.")
            return create_run(path, config)
        source = (
            config.data.source if config.finetune is None else config.finetune.method
        )
        stem = re.sub(r"[^a-z0-9]+", "-", Path(source).stem.lower())
        base = f"{stem[:16].strip('-') or 'run'}-{time.strftime('%m%d-%H%M%S')}"
        for attempt in range(1, 1000):
            suffix = "" if attempt == 1 else f"-{attempt}"
            try:
                return create_run(self._path(base + suffix), config)
            except RunError:
                continue
        raise RunError(f"No free name like {base!r} in {self.root}.")

    def open(self, run_id: str) -> Run:
        """Return the run of that id.

        Raises:
            RunError: If the id is not allowed or there is no such run.
        """
        path = self._path(run_id)
        if not (path / "config.json").is_file():
            known = [run.id for run in self.list()]
            raise RunError(
                f"There is no run {run_id!r}.{near_names(run_id, known)}"
                + ("" if known else " There are no runs yet.")
            )
        return Run(path)

    def list(self) -> "list[Run]":
        """Every run, newest first."""
        try:
            found = [path for path in self.root.iterdir() if self._is_run(path)]
        except FileNotFoundError:
            return []
        return [Run(path) for path in sorted(found, key=_created_at, reverse=True)]

    def delete(self, run_id: str) -> None:
        """Remove a run and everything it saved.

        Raises:
            RunError: If there is no such run, or a process is training it.
        """
        run = self.open(run_id)
        lock = RunLock.acquire(run.path)
        try:
            if is_elsewhere(run.path):
                raise RunError(f"The run {run.id!r} is trained elsewhere: stop it.")
            shutil.rmtree(run.path)
        finally:
            lock.release()

    def _path(self, run_id: str) -> Path:
        if not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
            raise RunError(f"{run_id!r} cannot be a run's name: {_RUN_ID_WORDS}.")
        path = self.root / run_id
        if path.resolve().parent != self.root.resolve():
            raise RunError(f"{run_id!r} leads out of {self.root}.")
        return path

    def _is_run(self, path: Path) -> bool:
        return (
            RUN_ID.fullmatch(path.name) is not None
            and (path / "config.json").is_file()
            and path.resolve().parent == self.root.resolve()
        )


def create_run(path: Path, config: RunConfig) -> Run:
    """Create a run's directory at any path (`RunStore.create` is for the usual place).

    The directory may exist if it does not contain a run.

    Raises:
        RunError: If there is a run already, or the directory cannot be written.
    """
    make_run_directory(path, config)
    return Run(path)


def _created_at(path: Path) -> tuple[float, str]:
    try:
        return (path / "checkpoints").stat().st_ctime, path.name
    except OSError:
        return 0.0, path.name
