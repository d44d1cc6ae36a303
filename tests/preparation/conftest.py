"""What tests of large texts share: a short one that counts as large."""

import pytest

from minigpt.datasets import corpus
from minigpt.preparation import token_writing


@pytest.fixture
def strange():
    """Return a line or two of what is hard to cut: characters of several bytes."""
    return "Naïve café, „schön“ 😀😀!\r\n\n字字。字\n\n  don't   12 34\t– –\n"


@pytest.fixture
def short_is_large(monkeypatch):
    """Call a text of 20,000 bytes large, and save often."""
    monkeypatch.setattr(token_writing, "SAVED_EVERY", 10_000)
    monkeypatch.setattr(token_writing, "SPARE_BYTES", 0)
    monkeypatch.setattr(corpus, "LARGE", 20_000)
    monkeypatch.setattr(corpus, "MOST_HELD_OUT", 6_000)
