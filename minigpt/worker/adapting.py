"""Lets a training adapt to a busy machine, and tells of it.

`minigpt.training.busy` decides from the times of the steps; this does what it decides,
between two steps. It says so in the run's log, and, where sums may differ by it, in the
provenance of the checkpoints.
"""

import os
from collections.abc import Mapping

import torch

from minigpt.runs.store import Run
from minigpt.training.busy import Adaptation, Way, ways
from minigpt.training.callbacks import StepRecord, TrainerCallback
from minigpt.training.trainer import Trainer
from minigpt.training.waiting import Sleep
from minigpt.worker.environment import UNTIL_BUSY


class Adapting(TrainerCallback):
    """Watches what the steps cost, and changes how the threads work together.

    Args:
        run: Its log is told of changes.

    Attributes:
        way: How the threads work together at present.
    """

    way: Way

    def __init__(self, run: Run) -> None:
        self._run = run
        self._adaptation: Adaptation | None = None

    def begin(self, trainer: Trainer) -> None:
        """Take the number of threads that torch uses now as that of a free machine.

        On a GPU, and among several processes, a step waits for others than the cores:
        then nothing is done.
        """
        if not trainer.team.waits_for_cores:
            return
        threads = torch.get_num_threads()
        possible = ways(
            threads,
            may_sleep=Sleep(threads).is_possible and waiting_is_ours(os.environ),
            may_be_fewer=trainer.config.num_threads is None,
        )
        self._sleep, self._keeper = Sleep(threads), trainer.keeper
        self._first = self.way = self._told = possible[0]
        self._adaptation = Adaptation(possible)

    def end(self) -> None:
        """Leave the threads as they were."""
        if self._adaptation is not None:
            self._work(self._first)

    def on_step(self, record: StepRecord) -> None:
        """Note the step's times, and prepare the next."""
        adaptation = self._adaptation
        if adaptation is None:
            return
        # Who waits for the disk is not at work, and nobody else has taken its core.
        waited = record.parts.get("data", 0.0)
        adaptation.count_step(record.seconds - waited, record.cpu_seconds)
        self._work(adaptation.way)
        if not adaptation.is_trying and self.way != self._told:
            self._told = self.way
            self._run.log(f"Step {record.step}: training goes on with {self.way}.")

    def _work(self, way: Way) -> None:
        """Let the threads work together in a way from now on."""
        if way == self.way:
            return
        self._sleep.end()
        if way.threads != self.way.threads:
            torch.set_num_threads(way.threads)
            self._keeper.note_threads(self.way.threads, way.threads)
        if way.asleep:
            self._sleep = Sleep(way.threads)
            self._sleep.begin()
        self.way = way


def waiting_is_ours(environment: Mapping[str, str]) -> bool:
    """Whether no user has said how long threads wait awake.

    >>> waiting_is_ours({"GOMP_SPINCOUNT": str(UNTIL_BUSY), "KMP_BLOCKTIME": "0"})
    True
    >>> waiting_is_ours({"OMP_WAIT_POLICY": "ACTIVE"})
    False
    """
    spins = environment.get("GOMP_SPINCOUNT", str(UNTIL_BUSY))
    return spins == str(UNTIL_BUSY) and "OMP_WAIT_POLICY" not in environment
