"""One run, trained by several processes: one owns its directory, the others assist.

`torchrun` or Ray starts them. The first one trains as it would alone, prints, and
decides when to stop; the others compute their shares of the same steps.
"""

import os
from pathlib import Path

import torch.distributed as dist

from minigpt.config import RunConfig
from minigpt.preparation.preparation import assemble
from minigpt.preparation.resuming import newest_resumable
from minigpt.runs.store import Run
from minigpt.worker.stop_requests import StopRequests
from minigpt.worker.worker import train_run


def assist(config: RunConfig, checkpoint: Path | None) -> None:
    """Compute a share of a run's steps, without touching its directory.

    Args:
        config: The run's.
        checkpoint: Where it goes on from, if anywhere.

    Raises:
        MinigptError: As the first process does, which reports it.
    """
    # So that Ctrl-C, which reaches every process, does not end this one.
    with StopRequests(Path(os.devnull)):
        prepared = assemble(config, Path(os.devnull), checkpoint)
        prepared.build_trainer(()).train(resume_from_checkpoint=checkpoint)


def train_together(path: str, command: str) -> None:
    """Train a run from its newest checkpoint, as one of a group of processes.

    Whoever starts the group starts it anew when a process is lost. A run that has ended
    is left alone then: one that has failed by itself would only fail again.

    Args:
        path: The run's directory.
        command: What the user typed, for the checkpoints' provenance.
    """
    run = Run(Path(path))
    if not run.status().is_alive:
        return
    if dist.get_rank() == 0:
        train_run(run, resume=True, command=command)
    else:
        assist(run.config, newest_resumable(run, None))
