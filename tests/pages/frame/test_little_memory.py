"""On a machine that is full, a page says so; it never breaks."""

import navigation
import pytest

from minigpt.machine_memory import Memory
from minigpt.model import recording_memory
from pages.frame.remember import forget_all

MAY_DO_WITHOUT = ("training", "finetuning", "chat", "library")


@pytest.fixture
def full_machine(monkeypatch):
    forget_all()
    nothing = Memory(total=10**9, free=0)
    monkeypatch.setattr(recording_memory, "memory_of", lambda device: nothing)
    monkeypatch.setattr(recording_memory, "FEW_TOKENS", 0)
    yield
    forget_all()


@pytest.mark.parametrize("lesson", navigation.PAGES, ids=lambda page: page.name)
def test_a_recording_that_does_not_fit_is_told_in_one_line(
    full_machine, open_page, lesson
):
    app = open_page("" if lesson == navigation.HOME else lesson.path)
    assert not app.exception
    texts = [element.value for element in app.text]
    told = any("GB of memory" in text and "shorten" in text for text in texts)
    assert told or lesson.name in MAY_DO_WITHOUT
    assert not any("not your doing" in text for text in texts)
