"""A Slurm of the tests' own: one node, its daemons in the foreground, no accounting."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from patience import until

DAEMONS = ("munged", "slurmctld", "slurmd")
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
_CONF = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge
SlurmctldPort={controller}
SlurmdPort={node}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1
ReturnToService=2
KillWait=3
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def is_installed() -> bool:
    """Whether Slurm's daemons are there, and munge's."""
    return all(shutil.which(name, path=PATH) for name in DAEMONS)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[dict[str, str]]:
    """Start the daemons; yield the variables that lead commands to them."""
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    key, conf, host = folder / "key", folder / "slurm.conf", socket.gethostname()
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    values = {"host": host.partition(".")[0], "user": getpass.getuser()}
    values |= {"folder": folder, "cores": len(os.sched_getaffinity(0))}
    conf.write_text(_CONF.format(controller=_free(), node=_free(), **values))
    found = {"SLURM_CONF": str(conf)}
    munge = ["munged", "--foreground", "--force", f"--socket={folder}/munge"]
    munge += [f"--key-file={key}", f"--seed-file={folder}/seed"]
    munge += [f"--pid-file={folder}/munge.pid", f"--log-file={folder}/munge.log"]
    with contextlib.ExitStack() as stack:
        stack.enter_context(_daemon(folder, munge))
        until((folder / "munge").exists, seconds=30)
        stack.enter_context(_daemon(folder, ["slurmctld", "-D"], found))
        stack.enter_context(_daemon(folder, ["slurmd", "-D"], found))
        until(lambda: "idle" in _said(["sinfo", "-h", "-o", "%T"], found), seconds=30)
        yield found


@contextlib.contextmanager
def _daemon(folder: Path, words: list[str], more: dict[str, str] | None = None):
    with (folder / f"{words[0]}.log").open("wb") as log:
        process = subprocess.Popen(
            words,
            stdout=log,
            stderr=log,
            env={**os.environ, "PATH": PATH, **(more or {})},
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def _said(words: list[str], more: dict[str, str]) -> str:
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, **more}
    )
    return done.stdout


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
