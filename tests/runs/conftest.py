"""A text to train on, and a place for runs."""

import pytest

from minigpt.runs.store import RunStore

TEXT = "the cat sat on the mat and the dog sat on the log. " * 100


@pytest.fixture
def text():
    return TEXT


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")
