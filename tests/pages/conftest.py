"""The app under test: in this process, with small random models."""

import json
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> Path:
    """Return a data directory with a transformer `glass` and an MLP `mlp`."""
    make_models = runpy.run_path(str(ROOT / "tests/pages/make_models.py"))
    return make_models["make_models"](tmp_path_factory.mktemp("data"))


@pytest.fixture
def root_on_path(monkeypatch) -> Path:
    """Let a script import `pages`, which is no installed package; return the root."""
    monkeypatch.syspath_prepend(str(ROOT))
    return ROOT


@pytest.fixture
def open_page(models, monkeypatch, root_on_path) -> Callable[..., AppTest]:
    """Return a function that opens a page of the app, as a deep link would."""

    def open_(page: str = "", *, data: Path = models, **query: str) -> AppTest:
        monkeypatch.setenv("MINIGPT_DATA", str(data))
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for key, value in query.items():
            app.query_params[key] = value
        if page:
            app.switch_page(page)
        return app.run()

    return open_


@pytest.fixture
def view() -> Callable[[AppTest, str], dict]:
    """Return a function that reads what a small view was given to show."""

    def read(app: AppTest, name: str) -> dict:
        found = [
            json.loads(node.proto.json)
            for node in app.get("bidi_component")
            if node.proto.component_name == f"minigpt.{name}"
        ]
        assert len(found) == 1, f"{len(found)} views {name}"
        return found[0]

    return read


@pytest.fixture
def walk() -> Callable[[AppTest], Iterator[Any]]:
    """Return a function that takes a page's tour, and yields each stop in turn."""

    def take(app: AppTest) -> Iterator[Any]:
        app.button(key="take_tour").click().run()
        stops = app.session_state["_tour"].stops
        assert 6 <= len(stops) <= 10
        for at, stop in enumerate(stops):
            under_way = app.session_state["_tour"]
            under_way.at, under_way.due = at, 2  # as after a press of a key
            app.run()
            assert not app.exception
            assert "_tour" in app.session_state, "it ended by itself"
            assert stop.region in keys_of(app.main), f"stop {at} lights nothing"
            yield stop

    return take


def keys_of(node: Any) -> set[str]:
    """Return the keys of the containers and widgets below a part of a page."""
    name = str(getattr(getattr(node, "proto", None), "id", ""))
    named = re.match(r"\$\$ID-[0-9a-f]+-(.+)", name)
    below = map(keys_of, getattr(node, "children", {}).values())
    return set().union({named[1]} if named else set(), *below)
