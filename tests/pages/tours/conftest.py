"""A tour, walked stop by stop on models that ship."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from minigpt.checkpoint import Checkpoint, load_checkpoint
from minigpt.library.catalogue import available_models

ROOT = Path(__file__).parents[3]
MODELS = ("glass", "induction")
"""Both small: one tells stories, one copies what was said before."""


@pytest.fixture(scope="session")
def shipped(tmp_path_factory) -> Path:
    """Return a data directory with `MODELS` alone."""
    data = tmp_path_factory.mktemp("shipped")
    for name in MODELS:
        shutil.copytree(ROOT / "data/models" / name, data / "models" / name)
    return data


@pytest.fixture(params=MODELS)
def model(request) -> str:
    """Return the name of one of the models."""
    return request.param


@pytest.fixture
def checkpoint(shipped, model) -> Checkpoint:
    """Return the model as a page opens it, for a test's own arithmetic."""
    (entry,) = (each for each in available_models(shipped) if each.id == model)
    return load_checkpoint(entry.path_at(entry.default_step))


@pytest.fixture
def walk(open_page, shipped, model, monkeypatch) -> Callable[..., Iterator]:
    """Return a function that takes a page's tour and yields app and stop, each time.

    At every stop the page shows the region that is lit, and something has moved since
    the stop before. The figures are covered when the tour starts.
    """

    def walk_(page: str, **query: str) -> Iterator[tuple[AppTest, object]]:
        from pages.frame.controls import tour

        monkeypatch.setenv("MINIGPT_COVER", "on")
        app = open_page(page, data=shipped, model=model, **query)
        app.button(key="take_tour").click().run()
        under_way = app.session_state["_tour"]
        assert 6 <= len(under_way.stops) <= 10
        moved = []
        for number, stop in enumerate(under_way.stops):
            under_way.at = number
            for key, value in under_way.wanted().items():
                if value is not tour.ABSENT:
                    app.session_state[key] = value
            app.run()
            assert not app.exception
            assert stop.region in keys_of(app), f"stop {number} lights nothing"
            moved.append({**(moved[-1] if moved else {}), **stop.set})
            assert number == 0 or moved[-1] != moved[-2], f"stop {number} moves nothing"
            yield app, stop

    return walk_


def keys_of(app: AppTest) -> set[str]:
    """Return the keys of all that is on a page."""
    found = set()
    left = [app._tree]
    while left:
        node = left.pop()
        name = str(getattr(getattr(node, "proto", None), "id", ""))
        named = re.match(r"\$\$ID-[0-9a-f]+-(.+)", name)
        found |= {named[1]} if named else set()
        left += getattr(node, "children", {}).values()
    return found
