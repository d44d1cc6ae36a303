"""A job of Ray that trains one run by several workers: `ray_workers RUN NUMBER JOB`.

Ray's `TorchTrainer` starts them, each with what MINIGPT_RAY asks for, and connects
them. When one is lost it starts all of them again, and the run goes on from its newest
checkpoint.

Source: Ray's documentation, "Get Started with Distributed Training using PyTorch".
"""

import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from minigpt.engines.ray import needs
from minigpt.errors import RunError
from minigpt.runs.job import end_job, read_job
from minigpt.runs.status import write_status
from minigpt.runs.store import Run
from minigpt.worker.together import train_together

MAX_LOSSES = 10
"""How often lost workers are replaced. A worker that is killed each time it comes to
the same step, for want of memory, is not lost by chance."""


def train(run: Run, number: int) -> None:
    """Train a run from its newest checkpoint by several workers.

    Args:
        run: The run.
        number: Of workers.

    Raises:
        RunError: If Ray's trainer is not installed, or has given up.
    """
    try:
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.torch import TorchConfig, TorchTrainer
    except ImportError as error:
        raise RunError(
            f"Several workers need Ray's trainer where they work ({error}): "
            "pip install 'ray[default,train]'."
        ) from None
    each = needs()
    has_gpu = each.get("GPU", 0) > 0
    # What Ray notes while it works, beside what the run, or the user, keeps there.
    notes = Path(tempfile.mkdtemp(prefix="ray-", dir=run.path))
    trainer = TorchTrainer(
        partial(train_together, str(run.path), _command(run, number)),
        scaling_config=ScalingConfig(
            num_workers=number, use_gpu=has_gpu, resources_per_worker=each
        ),
        torch_config=TorchConfig(backend="nccl" if has_gpu else "gloo"),
        run_config=RunConfig(
            name=notes.name,
            storage_path=str(run.path),
            failure_config=FailureConfig(max_failures=MAX_LOSSES),
        ),
    )
    try:
        trainer.fit()
    except Exception as error:
        kind = type(error).__name__
        raise RunError(
            f"Ray gave up ({kind}): workers were lost more than {MAX_LOSSES} times, or "
            "could not begin. The log says why; resume to go on from the last "
            "checkpoint."
        ) from error
    finally:
        shutil.rmtree(notes, ignore_errors=True)


def _command(run: Run, number: int) -> str:
    return f"python -m minigpt train --engine ray --workers {number} --resume {run.id}"


def main() -> int:
    """Train the run that the command names; say in its status why that failed."""
    run = Run(Path(sys.argv[1]))
    try:
        train(run, int(sys.argv[2]))
    except RunError as error:
        run.log(f"Failed: {error}")
        status, job = run.status(), read_job(run.path)
        if job is None or job.id != sys.argv[3]:
            return 1  # it is trained by another job meanwhile
        if status.is_alive:
            failed = status.replace(state="failed", activity="", error=str(error))
            write_status(run.path, failed)
        end_job(run.path)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
