"""A run that is trained somewhere, known only by what its process uploads.

Nobody here has handed it in, so nobody can begin it again; it can be asked to stop.
"""

from collections.abc import Mapping, Sequence

from minigpt.engines.engine import State
from minigpt.errors import RunError
from minigpt.runs.store import Run


class Stored:
    """Where a process uploads a run that this machine fetches."""

    title = "another machine"

    def waiting(self) -> str:
        """Refuse: see `Engine.waiting`."""
        raise RunError(
            "It was trained on another machine: resume it there, or here by its "
            "address in the bucket (python -m minigpt train --resume s3://…)."
        )

    def submit(self, run: Run) -> str:
        """Hand in nothing: `waiting` has refused."""
        return run.id

    def states(self, jobs: Sequence[str]) -> Mapping[str, State]:
        """Say that all work; its sign of life says otherwise. See `Engine.states`."""
        return dict.fromkeys(jobs, "works")

    def cancel(self, job: str) -> None:
        """Cancel nothing: it is asked to stop by its bucket."""
