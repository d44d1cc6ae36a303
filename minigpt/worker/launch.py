"""Starting, resuming and stopping training processes from another process.

Training is a separate process, not a thread: it survives a reloaded browser, can be
stopped, and cannot crash the server. Its standard input is a pipe whose other end only
this process holds; when this process dies, for whatever reason, the pipe closes, and
the trainer saves a checkpoint and stops. (The kernel's parent-death signal would not
do: it fires when the *thread* that started the process ends.)

The run's lock is acquired here and inherited by the process, so that if two starts
coincide, exactly one succeeds and the other fails at once.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path

from minigpt import spaces
from minigpt.classroom.quotas import require_may_train
from minigpt.config import RunConfig
from minigpt.errors import RunError
from minigpt.runs.lock import RunLock
from minigpt.runs.status import RunStatus, write_status
from minigpt.runs.store import Run, RunStore
from minigpt.worker.environment import BRIEF, UNTIL_BUSY, waiting_variables

# At module level, because a web server may clear its caches while processes run.
_processes: dict[Path, "subprocess.Popen[bytes]"] = {}
_registry_lock = threading.Lock()


def start(store: RunStore, config: RunConfig, name: str | None = None) -> Run:
    """Create a run and train it in a new process.

    Args:
        store: Where runs live.
        config: Everything that determines the run.
        name: The run's id; None generates one.

    Raises:
        RunError: If the name is not allowed or taken, no process can be started, or a
            learner of a class has enough of them at work.
    """
    run = store.create(config, name)
    try:
        begin(run)
    except RunError:
        store.delete(run.id)  # nothing was trained, and the name must stay free
        raise
    return run


def begin(run: Run) -> None:
    """Train a run that was created and waits, in a new process.

    Raises:
        RunError: If a process is training it already, or none can be started.
    """
    _spawn(run, RunStatus(), ["--run_dir", str(run.path.absolute())])


def resume(run: Run) -> None:
    """Resume a run from its newest checkpoint, in a new process.

    Raises:
        RunError: If a process is already training it, or it has finished.
    """
    status = run.status()
    if status.state == "finished":
        raise RunError(f"The run {run.id!r} has finished: there is nothing to resume.")
    _spawn(run, status, ["--resume", str(run.path.absolute())])


def wait(run: Run, timeout: float) -> int | None:
    """Wait until a process started here has ended.

    Args:
        run: The run.
        timeout: How long to wait, in seconds.

    Returns:
        Its exit code, or None if it is still running (or was not started here).
    """
    process = _processes.get(run.path.resolve())
    if process is None:
        return None
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None


def end(run: Run, patience: float = 0.0) -> None:
    """End a run's process: let it save and stop, and kill it if that takes too long.

    Args:
        run: A run that was started here; of any other, nothing is done.
        patience: How long to wait, in seconds.
    """
    process = _processes.get(run.path.resolve())
    if process is None or process.poll() is not None:
        return
    (run.path / "stop").touch()
    if wait(run, patience) is None:
        process.kill()
        process.wait()


def _spawn(run: Run, status: RunStatus, arguments: list[str]) -> None:
    with _registry_lock:
        _reap()
        require_may_train()
        lock = RunLock.acquire(run.path)
        try:
            (run.path / "stop").unlink(missing_ok=True)
            queued = status.replace(
                state="queued", activity="starting", error=None, pid=os.getpid()
            )
            write_status(run.path, queued)
            _processes[run.path.resolve()] = _popen(run, arguments, lock)
        except OSError as error:
            raise RunError(f"Cannot start a training process: {error}.") from None
        finally:
            lock.release()


def _popen(run: Run, arguments: list[str], lock: RunLock) -> "subprocess.Popen[bytes]":
    """Start `python -m minigpt train`, logging to a file, with a pipe as its stdin."""
    command = [sys.executable, "-m", "minigpt", "train", *arguments, "--follow_stdin"]
    inherited: tuple[int, ...] = ()
    if sys.platform != "win32":  # there, the process takes the lock itself
        inherited = (lock.descriptor,)
        command += ["--lock_descriptor", str(lock.descriptor)]
    else:
        lock.release()
    with (run.path / "log.txt").open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            pass_fds=inherited,
            start_new_session=True,
            env=child_environment(UNTIL_BUSY) | _own_data(),
        )


def _own_data() -> dict[str, str]:
    """Let a learner's process keep what it makes in their space: encoded texts."""
    space = spaces.current()
    return {} if space is None else {"MINIGPT_DATA": str(space.data)}


def child_environment(spins: int = BRIEF) -> dict[str, str]:
    """Return the environment of a process that runs this package beside this one.

    Args:
        spins: How long its threads wait for each other awake, see `environment`.
    """
    # The package may run from a source tree that is not installed.
    source = str(Path(__file__).parents[2])
    search = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    waiting = waiting_variables(os.environ, spins)
    return {**os.environ, **waiting, "PYTHONPATH": search}


def _reap() -> None:
    """Drop processes that have ended, so that none remains as a zombie."""
    for path, process in list(_processes.items()):
        if process.poll() is not None:
            if process.stdin is not None:
                process.stdin.close()
            del _processes[path]
