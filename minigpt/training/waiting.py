"""Threads that wait for each other asleep: for a training on a busy machine.

At the end of each operation, torch's threads wait for the last of them, awake for a
while (`minigpt.worker.environment` says why, and how long). libgomp, torch's library on
Linux, shortens this to a hundred turns of a loop as long as there are more OpenMP
threads than cores; so a second team of threads that does nothing lets the first one
sleep. No result changes by it, not in the last bit: the work is divided as before.

Source: GNU libgomp manual, GOMP_SPINCOUNT.

Before: `busy` decides when. macOS and Windows have other libraries, in which threads
sleep from the start.
"""

import os
import sys
import threading

import torch

_ELEMENTS_PER_THREAD = 2**16
"""Of a sum that torch divides over a team; it gives a thread 2¹⁵ or more."""


class Sleep:
    """Lets threads that wait for each other sleep at once, between `begin` and `end`.

    Args:
        threads: Threads of the training's own team.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._idle: list[threading.Thread] = []
        self._over = threading.Event()

    @property
    def is_possible(self) -> bool:
        """Whether it changes anything: several threads, and libgomp."""
        return self._threads > 1 and sys.platform == "linux"

    @property
    def began(self) -> bool:
        """Whether the threads sleep at present."""
        return bool(self._idle)

    def begin(self) -> None:
        """Start as many idle threads as it takes to be more than cores."""
        self._over.clear()
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 0
        others = self._threads - 1  # what a team adds to the thread that leads it
        for _ in range((max(cores, self._threads) - self._threads) // others + 1):
            ready = threading.Event()
            idle = threading.Thread(target=self._be_a_team, args=[ready], daemon=True)
            idle.start()
            ready.wait()
            self._idle.append(idle)

    def end(self) -> None:
        """End the idle threads."""
        self._over.set()
        for idle in self._idle:
            idle.join()
        self._idle.clear()

    def _be_a_team(self, ready: threading.Event) -> None:
        try:
            torch.ones(self._threads * _ELEMENTS_PER_THREAD).add_(1)
        finally:
            ready.set()
        self._over.wait()
