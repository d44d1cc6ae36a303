"""Trainings that wait begin even if nobody looks at them.

A page that shows a run that waits starts it, and so does a training that ends. But a
training may be killed, or one in a terminal may end, while no such page is open; and
after a restart of the server, learners may be slow to come back.
"""

import threading
from contextlib import suppress

from minigpt.engines import submitting
from minigpt.errors import MinigptError
from minigpt.places import data_directory
from minigpt.runs import RunStore
from minigpt.worker import launch

EVERY = 5.0
"""Seconds between two looks."""


def start_now_and_then(every: float = EVERY) -> threading.Event:
    """Begin to look in a thread; return the event that ends it.

    Args:
        every: Seconds between two looks.
    """
    end = threading.Event()
    threading.Thread(target=_look, args=(every, end), daemon=True).start()
    return end


def _look(every: float, end: threading.Event) -> None:
    while not end.wait(every):
        # A page that shows a run that waits says what is wrong.
        with suppress(MinigptError, OSError):
            store = RunStore(data_directory() / "runs")
            launch.look(store)
            submitting.look(store.list())
