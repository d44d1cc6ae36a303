"""Slurm, by its own commands: `sbatch`, `squeue`, `scancel`.

What a site or a job needs, such as `--partition=gpu --gres=gpu:1 --time=2:00:00`,
stands in the variable MINIGPT_SLURM; sbatch reads its own variables, too. A job whose
node was lost is begun again by Slurm, and the run goes on from its newest checkpoint.
A minute before its time is up the job is told, so that it saves.

Source: the manual of `sbatch`, https://slurm.schedmd.com/sbatch.html
"""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence

from minigpt.engines.engine import State, mark_of, training_command
from minigpt.errors import RunError
from minigpt.runs.job import IN_JOB
from minigpt.runs.store import Run
from minigpt.storage.place import read_place
from minigpt.worker.processes import child_environment

OPTIONS = "MINIGPT_SLURM"
_PATIENCE = 60.0
_WAITING = ("PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT")
_SCRIPT = """#!/bin/sh
export {in_job}={mark}
export OMP_NUM_THREADS="${{OMP_NUM_THREADS:-$SLURM_CPUS_ON_NODE}}"
exec {command} >/dev/null
"""
"""Python takes the shell's place, so that it gets Slurm's signals."""


class Slurm:
    """The cluster that this machine hands jobs in to."""

    title = "Slurm"

    def waiting(self) -> str:
        """Say where a run waits. See `Engine.waiting`."""
        return "waits in Slurm"

    def submit(self, run: Run) -> str:
        """Hand in a job. See `Engine.submit`."""
        path = str(run.path.absolute())
        log = str(run.path.absolute() / "log.txt").replace("%", "%%")
        if read_place(run.path) is not None:  # no folder here is one there
            path, log = "/tmp", "/tmp/minigpt-%j.txt"
        options = ["--parsable", "--requeue", "--signal=B:TERM@60"]
        options += [f"--job-name=minigpt-{run.id}", f"--chdir={path}"]
        options += [f"--output={log}", "--open-mode=append"]
        try:
            options += shlex.split(os.environ.get(OPTIONS, ""))
        except ValueError as error:
            raise RunError(f"{OPTIONS} cannot be read: {error}.") from None
        train = shlex.join(training_command(run))
        script = _SCRIPT.format(in_job=IN_JOB, mark=mark_of(run), command=train)
        said = _call("sbatch", *options, script=script)
        return said.partition(";")[0].strip()

    def states(self, jobs: Sequence[str]) -> Mapping[str, State]:
        """Look jobs up. See `Engine.states`."""
        try:
            named = f"--jobs={','.join(jobs)}"
            said = _call("squeue", "--noheader", "--format=%i %T", named)
        except RunError as error:
            if "Invalid job id" in str(error):  # it is forgotten, as all of these
                return {}
            raise
        found = dict(line.split(None, 1) for line in said.splitlines())
        return {
            job: "waits" if found[job].strip() in _WAITING else "works"
            for job in jobs
            if job in found
        }

    def cancel(self, job: str) -> None:
        """Cancel a job. See `Engine.cancel`."""
        _call("scancel", job)


def _call(program: str, *words: str, script: str | None = None) -> str:
    """Return what one of Slurm's commands prints."""
    try:
        done = subprocess.run(
            [program, *words],
            input=script,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            env=child_environment(),
            check=True,
        )
    except FileNotFoundError:
        raise RunError(
            f"Slurm's {program} is not on this machine: hand the run in where it is, "
            "which is usually the login node, or leave --engine out to train here."
        ) from None
    except subprocess.TimeoutExpired:
        raise RunError(f"Slurm does not answer ({program}): try again later.") from None
    except subprocess.CalledProcessError as error:
        words_said = " ".join(error.stderr.split()) or f"exit code {error.returncode}"
        raise RunError(
            f"Slurm does not take it ({words_said}). What the job needs stands in "
            f"{OPTIONS}."
        ) from None
    return done.stdout
