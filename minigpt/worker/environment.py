"""How torch's threads wait for each other: what a process must know before its start.

A training step has some hundred operations, and at the end of each of them all threads
wait for the last. They wait awake (spinning) for a while, then asleep. On a free
machine the last one is microseconds late, and to stay awake is quickest. Where others
compute as well, the last one may not be running at all, and who waits awake keeps the
very core busy that it needs: a step then takes up to seventeen times as long.

The libraries read these variables when they are loaded, so they must be set before
torch is. What a user has set stays as it is.

Next: `minigpt.training.waiting` lets the threads sleep sooner while a training runs.
"""

from collections.abc import Mapping
from typing import Final

WAITING: Final = ("GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_WAIT_POLICY")
"""Any of these says how long to wait awake: libgomp (Linux), libomp (macOS) and
Intel's (Windows), and all of them."""
BRIEF: Final = 1_000
"""Turns of libgomp's waiting loop before a thread sleeps, some ten microseconds: for
processes that never change it."""
UNTIL_BUSY: Final = 10_000
"""As quick as libgomp's own 300,000 on a free machine, and bearable on a busy one until
the training has noticed."""


def waiting_variables(environment: Mapping[str, str], spins: int) -> dict[str, str]:
    """Return the variables to add so that threads wait awake for a short time only.

    Args:
        environment: Of the process, or of the one that starts it.
        spins: Turns of libgomp's waiting loop. The other libraries count whole
            milliseconds, and already one is too long: there threads sleep at once.

    >>> waiting_variables({}, BRIEF)
    {'GOMP_SPINCOUNT': '1000', 'KMP_BLOCKTIME': '0'}
    >>> waiting_variables({"OMP_WAIT_POLICY": "ACTIVE"}, BRIEF)
    {}
    """
    if any(name in environment for name in WAITING):
        return {}
    return {"GOMP_SPINCOUNT": str(spins), "KMP_BLOCKTIME": "0"}
