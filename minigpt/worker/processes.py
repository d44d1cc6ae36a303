"""Training processes: started, waited for, ended.

Training is a separate process, not a thread: it survives a reloaded browser, can be
stopped, and cannot crash the server. Its standard input is a pipe whose other end only
this process holds; when this process dies, for whatever reason, the pipe closes, and
the trainer saves a checkpoint and stops. (The kernel's parent-death signal would not
do: it fires when the *thread* that started the process ends.) A trainer that ends may
start the next run: that inherits the same pipe, and so follows the same server.

The run's lock is acquired here and inherited by the process, so that if two starts
coincide, exactly one succeeds and the other fails at once.
"""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from minigpt.classroom.quotas import MINUTES
from minigpt.errors import RunError
from minigpt.runs.job import is_elsewhere
from minigpt.runs.lock import RunLock, is_locked
from minigpt.runs.status import write_status
from minigpt.runs.store import Run
from minigpt.runs.ticket import Ticket, forget_ticket
from minigpt.runs.time_spent import note_begin
from minigpt.spaces import server_data
from minigpt.worker.environment import BRIEF, UNTIL_BUSY, waiting_variables

# At module level, because a web server may clear its caches while processes run.
_processes: dict[Path, "subprocess.Popen[bytes]"] = {}
_registry_lock = threading.Lock()
_STDIN = 0
_AFTER_A_KILL = 2.0
_lifeline: list[int] = []
"""The end of the pipe that trainers read, and the one that only this process holds."""


def follow_the_same(descriptor: int = _STDIN) -> None:
    """Let the processes that are started from now on follow whom this one follows.

    Args:
        descriptor: The end of a pipe that this process reads.
    """
    _lifeline[:] = [descriptor]


def is_parent_gone() -> bool:
    """Whether the process that this one follows has ended: its pipe hangs up."""
    if not hasattr(select, "poll"):  # on Windows; there the server itself looks
        return True
    asked = select.poll()
    asked.register(_STDIN, select.POLLHUP)
    return any(events & select.POLLHUP for _, events in asked.poll(0))


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
        run: A run of this machine.
        patience: How long to wait, in seconds.
    """
    if not is_locked(run.path) or is_elsewhere(run.path):
        return  # a process id of another machine is somebody else's here
    (run.path / "stop").touch()
    if not _ends_within(run, patience):
        _kill(run)
        _ends_within(run, _AFTER_A_KILL)


def _ends_within(run: Run, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_locked(run.path):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _kill(run: Run) -> None:
    process, status = _processes.get(run.path.resolve()), run.status()
    if process is not None and process.poll() is None:
        process.kill()
        process.wait()
    elif status.state in ("running", "stopping") and status.pid is not None:
        # Another process has started it. While it is queued, the id is the starter's.
        with suppress(ProcessLookupError):
            os.kill(status.pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def spawn(run: Run, ticket: Ticket, lock: RunLock) -> None:
    """Train a run in a new process, which takes over its lock.

    Args:
        run: The run.
        ticket: What it waited for.
        lock: The run's.

    Raises:
        RunError: If no process can be started.
    """
    path = str(run.path.absolute())
    arguments = ["--resume" if ticket.resume else "--run_dir", path]
    if ticket.step is not None:
        arguments += ["--from_step", str(ticket.step)]
    with _registry_lock:
        reap()
        try:
            (run.path / "stop").unlink(missing_ok=True)
            note_begin(run)
            begins = run.status().replace(
                state="queued", activity="starting", error=None, pid=os.getpid()
            )
            write_status(run.path, begins.replace(eta_seconds=ticket.seconds))
            environment = _environment(run, ticket)
            process = _popen(run, arguments, lock, environment)
            _processes[run.path.resolve()] = process
            forget_ticket(run.path)
        except OSError as error:
            raise RunError(f"Cannot start a training process: {error}.") from None


def _popen(
    run: Run, arguments: list[str], lock: RunLock, environment: dict[str, str]
) -> "subprocess.Popen[bytes]":
    """Start `python -m minigpt train`, logging to a file, with a pipe as its stdin."""
    command = [sys.executable, "-m", "minigpt", "train", *arguments, "--follow_stdin"]
    inherited: tuple[int, ...] = ()
    if sys.platform != "win32":  # there, the process takes the lock itself
        inherited = (lock.descriptor,)
        command += ["--lock_descriptor", str(lock.descriptor)]
    else:
        lock.release()
    if not _lifeline:
        _lifeline[:] = os.pipe()
    with (run.path / "log.txt").open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=_lifeline[0],
            stdout=subprocess.DEVNULL,
            stderr=log,
            pass_fds=inherited,
            start_new_session=True,
            env=environment,
        )


def _environment(run: Run, ticket: Ticket) -> dict[str, str]:
    """Return the environment of a run's process, whoever starts it.

    A learner's process keeps what it makes in their space (encoded texts), and ends
    when their minutes are used up.
    """
    found = child_environment(UNTIL_BUSY)
    own, before = run.path.absolute().parents[1], found.get("MINIGPT_DATA")
    if _is_learners(own) or (before and _is_learners(Path(before))):
        found["MINIGPT_DATA"] = str(own)
    found.pop(MINUTES, None)
    if ticket.minutes is not None:
        found[MINUTES] = str(ticket.minutes)
    return found


def _is_learners(data: Path) -> bool:
    return server_data(data) != data


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


def reap() -> None:
    """Drop processes that have ended, so that none remains as a zombie."""
    for path, process in list(_processes.items()):
        if process.poll() is not None:
            del _processes[path]
