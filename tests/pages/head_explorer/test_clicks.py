"""A click on a head or a cell is answered before the rest of the page is sent."""

from importlib import import_module
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


@pytest.fixture
def click(monkeypatch):
    """Return a function that opens a page, and clicks in one of its views."""

    def click_in(name, place, open_page, **query):
        view = import_module(f"viz.components.{name}.view")
        draw, called = getattr(view, name), []

        def draw_and_listen(*args, on_select, **options):
            called.append(on_select)
            return draw(*args, on_select=on_select, **options)

        monkeypatch.setattr(view, name, draw_and_listen)
        app = open_page(PAGE, prompt="the red kite", **query)
        with monkeypatch.context() as patch:  # as before a run, in this session
            patch.setattr(st, "session_state", app.session_state)
            called[-1](place)
        return app.run()

    return click_in


@pytest.mark.parametrize(
    ("name", "place", "line"),
    [
        ("head_grid", (1, 1), "blocks.1.attn.hook_pattern[0, 1, 11, "),
        ("attention_heatmap", (5, 2), "blocks.0.attn.hook_pattern[0, 0, 5, 2] "),
    ],
)
def test_the_head_is_sent_alone_when_it_was_clicked(
    open_page, click, sent, name, place, line
):
    app = click(name, place, open_page)
    assert sent == [{"heat map"}]
    assert any(code.value.startswith(line) for code in app.code)
    assert {"all heads", "held-out habits"} <= set(app.session_state["_recipes"])
    app.run()  # nobody clicked: nothing waits
    assert len(sent) == 1


def test_a_clicked_row_of_the_lines_is_sent_alone(open_page, click, sent, view):
    app = click("head_lines", 5, open_page, pattern_view="Lines")
    assert sent == [{"lines"}]
    assert view(app, "head_lines")["selected"] == 5
