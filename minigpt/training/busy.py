"""Training beside others: notice that the machine is busy, and try to need less of it.

The thread that trains knows how long it was at work itself: its CPU time. On a free
machine that is nearly all of a step's time. What is missing, somebody else had: another
process, or a thread of its own that could not run and was waited for.

    slower = seconds of the last steps / CPU seconds of the same steps

When a step takes much longer than its CPU time explains, a few steps are taken in the
next more modest way: threads that wait asleep, then half the threads, and so on. The
quickest way stays, as measured. After a while the next greedier way gets its chance
again, ever more rarely.

Before: `timing` measures both times, and `progress` averages them. Next:
`minigpt.worker.adapting` does what is decided here.
"""

from typing import Final, NamedTuple

BUSY: Final = 1.5
"""From here on a step's CPU time does not explain its seconds any more."""
_STEPS, _SECONDS, _PLENTY = 4, 0.2, 1.0
"""A way is judged by so many steps and seconds at least, or by plenty of seconds."""
_BETTER = 0.9
"""Another way must take less than this share of the time: chance alone does 5 %."""
_FIRST_REST, _LONGEST_REST, _REST_STEPS = 10.0, 320.0, 50
"""Seconds until another way may be tried again; they double while nothing changes. So
many steps at least are taken meanwhile, however long they are."""


class Way(NamedTuple):
    """How the threads work together."""

    threads: int
    asleep: bool = False
    """Whether those that wait for others sleep."""

    def __str__(self) -> str:
        """Say it.

        >>> print(Way(2, asleep=True))
        2 threads that wait asleep
        >>> print(Way(1))
        1 thread
        """
        said = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        return said + " that wait asleep" * self.asleep


def ways(threads: int, *, may_sleep: bool, may_be_fewer: bool) -> list[Way]:
    """Return the ways to try, from the greediest to the most modest.

    Args:
        threads: Of a free machine.
        may_sleep: Whether waiting asleep is possible here.
        may_be_fewer: Whether the number of threads may change. Sums may then differ in
            their last bit.

    >>> for way in ways(4, may_sleep=True, may_be_fewer=True):
    ...     print(way)
    4 threads
    4 threads that wait asleep
    2 threads that wait asleep
    1 thread
    """
    found = [Way(threads)]
    if may_sleep:
        found.append(Way(threads, asleep=True))
    while may_be_fewer and threads > 1:
        threads //= 2
        found.append(Way(threads, asleep=may_sleep and threads > 1))
    return found


class Adaptation:
    """Chooses the way to work from the times of the steps.

    Args:
        possible: The ways, from the greediest to the most modest; it starts with the
            first.

    Attributes:
        is_trying: Whether the present way is only being tried.
    """

    def __init__(self, possible: list[Way]) -> None:
        self._possible = possible
        self._place = self._best = 0
        self._best_seconds = 0.0  # of a step in the best way, while others are tried
        self._to_try: list[int] = []
        self._rest, self._resting = _FIRST_REST, 0.0
        self._judged: list[tuple[float, float]] = []
        self._has_begun = False
        self.is_trying = False

    @property
    def way(self) -> Way:
        """How the next step should be taken."""
        return self._possible[self._place]

    def count_step(self, seconds: float, cpu: float) -> None:
        """Note the times of a step, and decide how the next one is taken.

        Args:
            seconds: What it took.
            cpu: CPU seconds of the thread that trains.
        """
        self._resting = max(0.0, self._resting - seconds)
        if not self._has_begun:
            self._has_begun = True  # the first step sets things up: it tells nothing
            return
        self._judged.append((seconds, cpu))
        whole, at_work = map(sum, zip(*self._judged, strict=True))
        few = len(self._judged) < _STEPS or whole < _SECONDS
        if few and whole < _PLENTY:
            return
        each, is_busy = whole / len(self._judged), whole > BUSY * at_work
        self._judged.clear()
        if self.is_trying:
            self._judge(each)
        elif not self._resting and (self._place or is_busy):
            self._best_seconds = each
            self._to_try = [self._place - 1, *[self._place + 1] * is_busy]
            self._try_next()

    def _judge(self, seconds: float) -> None:
        """Compare the way that was tried with the best, and go on if it is better."""
        if seconds < _BETTER * self._best_seconds:
            self._to_try = [2 * self._place - self._best]  # on in the same direction
            self._best, self._best_seconds = self._place, seconds
            self._rest = _FIRST_REST
        self._try_next()

    def _try_next(self) -> None:
        """Take some steps in the next way, or stay with the best for a while."""
        while self._to_try:
            place = self._to_try.pop(0)
            if 0 <= place < len(self._possible):
                self.is_trying = True
                self._place = place
                return
        self.is_trying = False
        self._resting = max(self._rest, _REST_STEPS * self._best_seconds)
        self._rest = min(2 * self._rest, _LONGEST_REST)
        self._place = self._best


def busy_sentence(slower: float | None) -> str:
    """Say that a machine is busy, and what it costs; nothing if it is not.

    >>> busy_sentence(2.04)
    'This machine is busy: about 2 × slower.'
    >>> busy_sentence(1.6)
    'This machine is busy: about 1.6 × slower.'
    >>> busy_sentence(1.2)
    ''
    """
    if slower is None or slower < BUSY:
        return ""
    times = f"{slower:.0f}" if slower >= 3 else f"{slower:.1f}".removesuffix(".0")
    return f"This machine is busy: about {times} × slower."
