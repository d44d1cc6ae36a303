"""The engine: one thread that writes for all requests, a token each per step.

    request ─ Job ─ waiting ─┐                            ┌─ tell ─ stream or answer
                             ├─ place free? ─ batch.step ─┤
    hang-up ─ give up ───────┘                            └─ place free again

The model is used here and nowhere else, so requests never fight over the processor. A
look into the model (embeddings, activations) is made between two steps.
"""

import logging
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from threading import Condition, Thread

from minigpt.errors import MinigptError
from minigpt.generation.batch.batch import Batch
from minigpt.generation.batch.draft import Draft
from minigpt.model import LanguageModel
from minigpt.serve.errors import ApiError
from minigpt.serve.jobs import Job

log = logging.getLogger("minigpt.serve")


class Engine:
    """Writes jobs until it is stopped.

    Args:
        model: In evaluation mode.
        max_texts: How many are written at a time.
        max_waiting: How many jobs may wait to begin.
    """

    def __init__(self, model: LanguageModel, max_texts: int, max_waiting: int) -> None:
        self._model, self._max_texts, self._max_waiting = model, max_texts, max_waiting
        self._batch = Batch(model, max_texts)
        self._owners: dict[Draft, Job] = {}
        self._looks: deque[Job] = deque()
        self._waiting: deque[Draft] = deque()
        self._changed = Condition()  # guards the three above
        self._is_stopping = False
        self._thread = Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """End after the current step; what is not complete stays so."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join()

    @property
    def num_writing(self) -> int:
        """Texts that have a place."""
        return len(self._batch.drafts)

    @property
    def num_waiting(self) -> int:
        """Jobs that have not begun."""
        with self._changed:
            jobs = {*self._looks, *(self._owners[draft] for draft in self._waiting)}
        return sum(not (job.has_begun or job.is_given_up) for job in jobs)

    def submit(self, job: Job) -> None:
        """Let a job wait for its turn.

        Raises:
            ApiError: If too many wait already.
        """
        with self._changed:
            room = self._max_texts - self.num_writing
            if self.num_waiting >= room + self._max_waiting:
                raise ApiError(
                    429,
                    f"{self.num_waiting} requests are waiting: try again in a moment.",
                    code="queue_full",
                )
            self._owners |= dict.fromkeys(job.drafts, job)
            self._waiting += job.drafts
            if job.look is not None:
                self._looks.append(job)
            self._changed.notify()

    def give_up(self, job: Job) -> None:
        """Stop working on a job; its places are free before the next step.

        A job that is complete may be given up, too: nothing happens.
        """
        with self._changed:
            job.is_given_up = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._has_work)
                if self._is_stopping:
                    return
                self._forget_given_up()
                look = self._looks.popleft() if self._looks else None
                joining = self._next_to_join()
            if look is not None:
                self._look(look)
            self._join(joining)
            if self._batch.drafts:
                self._step()

    def _has_work(self) -> bool:
        return bool(self._owners or self._looks or self._is_stopping)

    def _forget_given_up(self) -> None:
        for draft in [each for each, job in self._owners.items() if job.is_given_up]:
            del self._owners[draft]
            self._batch.leave(draft)
        self._waiting = deque(each for each in self._waiting if each in self._owners)
        self._looks = deque(job for job in self._looks if not job.is_given_up)

    def _next_to_join(self) -> list[Draft]:
        room = self._max_texts - len(self._batch.drafts)
        joining = [
            self._waiting.popleft() for _ in range(min(room, len(self._waiting)))
        ]
        for draft in joining:
            self._owners[draft].has_begun = True
        return joining

    def _join(self, drafts: Iterable[Draft]) -> None:
        for draft in drafts:
            try:
                self._batch.join(draft)
            except Exception as error:
                self._end({draft: _noted(error)})

    def _look(self, job: Job) -> None:
        try:
            job.found = None if job.look is None else job.look()
        except Exception as error:
            job.problem = _noted(error)
        job.is_complete = True
        _tell([job])

    def _step(self) -> None:
        outcome: Mapping[Draft, Exception | None]
        try:
            outcome = self._batch.step()
        except Exception as error:
            outcome = dict.fromkeys(self._batch.drafts, _noted(error))
            self._batch = Batch(self._model, self._max_texts)
        self._end(outcome)

    def _end(self, outcome: Mapping[Draft, Exception | None]) -> None:
        """Note what became of drafts, and tell those who wait for them."""
        with self._changed:
            jobs = {self._owners[draft] for draft in outcome}
            for draft, problem in outcome.items():
                job = self._owners[draft]
                job.problem = job.problem or problem
                job.is_given_up = job.is_given_up or problem is not None
                if draft.is_done:
                    del self._owners[draft]
            for job in jobs:
                job.is_complete = all(draft.is_done for draft in job.drafts)
        _tell(jobs)


def _noted(error: Exception) -> Exception:
    """Log what is no refusal but a bug: it ends a request, and never the thread."""
    if not isinstance(error, ApiError | MinigptError):
        log.error("a bug", exc_info=error)
    return error


def _tell(jobs: Collection[Job]) -> None:
    """Wake all who wait, with one call: they share the server's loop."""
    for job in list(jobs)[:1]:
        with suppress(RuntimeError):  # the loop has ended, and nobody waits
            job.loop.call_soon_threadsafe(_wake, jobs)


def _wake(jobs: Iterable[Job]) -> None:
    for job in jobs:
        job.tell()
