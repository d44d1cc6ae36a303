"""A click on a head or a cell is answered before the rest of the page is sent."""

from types import SimpleNamespace

import pytest
import streamlit as st

from pages.head_explorer import clicks

PAGE = "pages/head_explorer/head_explorer.py"


@pytest.fixture
def sent(monkeypatch):
    """Return what figures had been sent each time the browser was let paint."""
    times = []

    def look(_: float) -> None:
        times.append(set(st.session_state["_recipes"]))

    monkeypatch.setattr(clicks, "time", SimpleNamespace(sleep=look))
    return times


def click(app, pick, place):
    """Do what a click does: its callback, and then a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(st, "session_state", app.session_state)
        pick(place)
    return app.run()


@pytest.mark.parametrize(
    ("pick", "place", "line"),
    [
        (clicks.pick_head, (1, 1), "blocks.1.attn.hook_pattern[0, 1, 11, "),
        (clicks.pick_cell, (5, 2), "blocks.0.attn.hook_pattern[0, 0, 5, 2] "),
    ],
)
def test_the_head_is_sent_alone_when_it_was_clicked(open_page, sent, pick, place, line):
    app = open_page(PAGE, prompt="the red kite")
    assert sent == []
    click(app, pick, place)
    assert sent == [{"heat map"}]
    assert any(code.value.startswith(line) for code in app.code)
    assert {"all heads", "held-out habits"} <= set(app.session_state["_recipes"])
    app.run()  # nobody clicked: nothing waits
    assert len(sent) == 1


def test_a_clicked_row_of_the_lines_is_sent_alone(open_page, sent, view):
    app = open_page(PAGE, prompt="the red kite", pattern_view="Lines")
    click(app, clicks.pick_row, 5)
    assert sent == [{"lines"}]
    assert view(app, "head_lines")["selected"] == 5
