"""A series of sizes as it is now: states, losses, and the line through them."""

from dataclasses import dataclass

from minigpt.model.sizes import num_parameters
from minigpt.runs import Run, RunStatus
from minigpt.runs.power_law import PowerLaw, fit_power_law
from minigpt.runs.race_results import Lane, lane
from minigpt.runs.ticket import has_ticket
from minigpt.worker.series import FIFTH, WIDTHS, Series, is_waiting, sized
from pages.frame.runs import history


@dataclass(frozen=True)
class Shown:
    """A series as it is now."""

    series: Series
    statuses: list[RunStatus]
    lanes: list[Lane]

    @property
    def is_at_work(self) -> bool:
        """Whether a process is training one of the sizes, or is about to."""
        return any(is_trained_now(status) for status in self.statuses)

    @property
    def waits(self) -> Run | None:
        """The size that waits for its turn in the queue, if one does."""
        return next((r for r in self.series.runs if has_ticket(r.path)), None)

    @property
    def is_over(self) -> bool:
        """Whether every size has finished."""
        return all(status.state == "finished" for status in self.statuses)

    @property
    def points(self) -> list[tuple[int, float]]:
        """Weights and held-out loss of each size that has finished."""
        return [
            (status.num_parameters, each.final_loss)
            for status, each in zip(self.statuses, self.lanes, strict=True)
            if each.final_loss is not None and status.num_parameters is not None
        ]

    @property
    def law(self) -> PowerLaw | None:
        """The line through the first sizes; the fifth is not fitted."""
        points = self.points[: len(WIDTHS)]
        return fit_power_law(*zip(*points, strict=True)) if len(points) > 1 else None

    @property
    def fifth(self) -> int | None:
        """How many weights the fifth size has; None before the vocabulary is known."""
        first, vocabulary = self.series.runs[0].config, self.statuses[0].vocab_size
        if vocabulary is None:
            return None
        model = sized(first, FIFTH).transformer
        return num_parameters(model.replace(vocab_size=vocabulary))


def read(series: Series) -> Shown:
    """Read the files of every size."""
    statuses = [run.status() for run in series.runs]
    lanes = [
        lane(history.metrics(run), finished=status.state == "finished")
        for run, status in zip(series.runs, statuses, strict=True)
    ]
    return Shown(series, statuses, lanes)


def is_trained_now(status: RunStatus) -> bool:
    """Whether a process is training this size, or is about to."""
    return status.is_alive and not is_waiting(status)
