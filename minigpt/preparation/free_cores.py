"""How much of this machine is free: asked of its cores, before a training starts.

For a moment there is work on every core. Each thread's CPU time says how much of that
moment it was let work; the rest of it others had.

    slower = cores · seconds / Σ CPU seconds

Next: `estimate` says by it how long a run will take.
"""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

_MOMENT = 0.1
"""Seconds."""
_WORK = bytes(8_000_000)
"""Hashed again and again: Python's lock is let go meanwhile, and it is one thread."""


def slower_now() -> float:
    """Return how many times longer work on all cores takes than on a free machine.

    A machine that was busy a while ago may be free now: it is measured again every
    minute.
    """
    return _slower(minute=int(time.monotonic() // 60))


@lru_cache(maxsize=1)
def _slower(minute: int) -> float:  # noqa: ARG001
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        shares = list(pool.map(lambda _: _share_of_a_core(), range(cores)))
    return cores / sum(shares)


def _share_of_a_core() -> float:
    """Work for a moment; return the share of it that this thread was let work."""
    begin, cpu = time.perf_counter(), time.thread_time()
    while time.perf_counter() < begin + _MOMENT:
        hashlib.sha256(_WORK)
    at_work = time.thread_time() - cpu
    return min(1.0, max(at_work, 1e-3) / (time.perf_counter() - begin))
