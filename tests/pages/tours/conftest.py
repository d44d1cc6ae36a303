"""A tour, walked stop by stop on models that ship."""

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
def walk(walk, open_page, shipped, model, monkeypatch) -> Callable[..., Iterator]:
    """Return a function that takes a page's tour and yields app and stop, each time.

    The figures are covered when the tour starts, and something moves at every stop.
    """

    def walk_(page: str, **query: str) -> Iterator[tuple[AppTest, object]]:
        monkeypatch.setenv("MINIGPT_COVER", "on")
        app = open_page(page, data=shipped, model=model, **query)
        before = None
        for number, stop in enumerate(walk(app)):
            moved = {**(before or {}), **stop.set}
            assert moved != before, f"stop {number} moves nothing"
            before = moved
            yield app, stop

    return walk_
