"""What pages leave is collected while they run, and only then."""

import gc
import weakref
from time import monotonic

import pytest
from patience import until
from streamlit import config

from pages.frame.server import garbage


class Left:
    """Something that holds itself, as what a run leaves often does."""

    def __init__(self):
        self.itself = self


@pytest.fixture
def collector():
    gc.disable()  # Python's own
    end = garbage.collect_now_and_then(0.01)
    yield
    end.set()
    gc.enable()


def test_cycles_go_within_seconds_of_a_run_and_nobody_looks_when_no_page_runs(
    collector, monkeypatch
):
    monkeypatch.setattr(garbage, "_last_run", monotonic() - garbage.AFTERWARDS)
    left = weakref.ref(Left())
    with pytest.raises(AssertionError, match="in vain"):
        until(lambda: left() is None, 0.2)
    garbage.note_run()
    until(lambda: left() is None)
    assert not config.get_option("runner.postScriptGC")  # or each run would look, too


def test_what_is_there_is_set_aside_once(monkeypatch):
    monkeypatch.setattr(garbage, "_frozen", garbage.threading.Event())
    garbage.freeze_once()
    frozen = gc.get_freeze_count()
    more = [[] for _ in range(10_000)]
    garbage.freeze_once()
    # What was set aside may be freed meanwhile; nothing of `more` joins it.
    assert gc.get_freeze_count() < frozen + len(more) / 2
