"""Garbage, collected now and then instead of after every run of a page.

Streamlit would look through all objects after each run: a third of the processor's time
(.streamlit/config.toml has it off). What a page leaves in cycles can wait some seconds.
"""

import gc
import threading
from time import monotonic

EVERY = 10.0
"""Seconds between two collections."""

AFTERWARDS = 300.0
"""Seconds after the last run in which there may still be garbage of its session."""

_last_run = 0.0
_frozen = threading.Event()


def note_run() -> None:
    """Say that a page runs. Called once a run, by `app.py`."""
    global _last_run
    _last_run = monotonic()


def collect_now_and_then(every: float = EVERY) -> threading.Event:
    """Begin to collect in a thread; return the event that ends it.

    Args:
        every: Seconds between two collections.
    """
    end = threading.Event()
    threading.Thread(target=_collect, args=(every, end), daemon=True).start()
    return end


def _collect(every: float, end: threading.Event) -> None:
    while not end.wait(every):
        if monotonic() - _last_run < AFTERWARDS:
            gc.collect()


def freeze_once() -> None:
    """Leave what is there, modules and the first model, out of all later collections.

    Only once: later there is garbage of sessions among it, which would stay for ever.
    """
    if not _frozen.is_set():
        _frozen.set()
        gc.collect()
        gc.freeze()
