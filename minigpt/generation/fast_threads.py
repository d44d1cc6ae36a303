"""How many threads multiply for a token: one or all, whichever is quicker by the clock.

On a free machine two threads read a large matrix sooner than one. On a busy one they
take up to twenty times as long: a product ends with its last thread, and that one waits
until another process leaves its core. So the other number is tried from time to time,
and the quicker one stays. (A sum may differ in its last bit.) `minigpt.training.busy`
asks the processor's time first; here it says little, as NumPy's threads wait at work.

NumPy's number is one for the whole process, so a text has all of its threads only while
no other text is written.

Before: `fast_decoding`, whose decoders choose here.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from threadpoolctl import LibController, ThreadpoolController

PERIOD: Final = 0.2
"""A number of threads is judged by the steps of so many seconds, and by some four."""
BETTER: Final = 0.9
"""Another number must take less than this share of the time: chance alone does 5 %."""
FIRST_REST, LONGEST_REST = 10.0, 320.0
"""Seconds of decoding until the other number is tried again; they double while nothing
changes."""

_POOLS = ThreadpoolController()
_NUMPY: list[LibController] = _POOLS.select(user_api="blas").lib_controllers
_TORCH: list[LibController] = _POOLS.select(user_api="openmp").lib_controllers


class Choice:
    """Chooses between one thread and all from the times of the steps.

    Attributes:
        one: Whether the next step has one thread.
    """

    def __init__(self) -> None:
        self.one = self._best = True
        self._each = {True: 0.0, False: 0.0}  # seconds of a step, when last measured
        self._seconds, self._steps = 0.0, 0
        self._resting, self._rest = 0.0, FIRST_REST

    def count_step(self, seconds: float) -> None:
        """Note what a step took, and decide how the next one is taken."""
        self._resting -= seconds
        self._seconds += seconds
        self._steps += 1
        # What is tried and far worse has had few steps by then.
        if self._seconds < max(PERIOD, 4 * self._each[self._best]):
            return
        each = self._each[self.one] = self._seconds / self._steps
        self._seconds, self._steps = 0.0, 0
        if self.one != self._best:
            self._judge(each)
        elif self._resting <= 0 or self._each[not self.one] < BETTER * each:
            self.one = not self.one

    def _judge(self, each: float) -> None:
        """Keep the number that was tried, if it is better."""
        if each < BETTER * self._each[self._best]:
            self._best, self._rest = self.one, FIRST_REST
        self.one = self._best
        self._resting = self._rest
        self._rest = min(2 * self._rest, LONGEST_REST)


class _Steps:
    """The steps that all texts of the process are taking now, and NumPy's threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._before: list[int] = []
        self._number = 0
        self.is_alone = False
        """Whether there is one step, and was no other since it began."""

    @contextmanager
    def another(self, numpy_has_one: bool) -> Iterator[None]:
        """Count a step in; NumPy has its own number again after the last one."""
        with self._lock:
            self._number += 1
            self.is_alone = self._number == 1
            if self.is_alone:
                self._before = [library.get_num_threads() for library in _NUMPY]
            if numpy_has_one or not self.is_alone:
                _set_threads(_NUMPY, [1] * len(_NUMPY))
        try:
            yield
        finally:
            with self._lock:
                self._number -= 1
                if self._number == 0:
                    self.is_alone = False
                    _set_threads(_NUMPY, self._before)


_steps = _Steps()


class Threads:
    """The threads of a decoder.

    Args:
        multiplies_in_torch: Whether its large products are torch's. Whoever has the
            small ones keeps to one thread: those that wait for their next product keep
            a core busy, and would fight the others.
    """

    def __init__(self, multiplies_in_torch: bool) -> None:
        self._in_torch = multiplies_in_torch
        self._choice, self._lock = Choice(), Lock()

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Limit the threads, torch's in this thread alone."""
        one = self._choice.one
        with _steps.another(numpy_has_one=one or self._in_torch):
            if self._in_torch and not one:
                yield
                return
            before = [library.get_num_threads() for library in _TORCH]
            _set_threads(_TORCH, [1] * len(_TORCH))
            try:
                yield
            finally:
                _set_threads(_TORCH, before)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Learn from the time of a step, unless another text was written meanwhile."""
        begun = time.perf_counter()
        yield
        if _steps.is_alone:
            with self._lock:
                self._choice.count_step(time.perf_counter() - begun)


def _set_threads(libraries: list[LibController], numbers: list[int]) -> None:
    for library, number in zip(libraries, numbers, strict=True):
        library.set_num_threads(number)
