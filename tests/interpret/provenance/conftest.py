"""What the tests of provenance share: a hook's places need one run of the model."""

import functools
import sys

import pytest


@pytest.fixture
def recorded_once(monkeypatch):
    """Remember what `trace` records for a hook of a model that no test changes."""
    module = sys.modules["minigpt.interpret.provenance.trace"]
    record = module._record

    @functools.cache
    def remembered(model, tokens, hook):
        return record(model, list(tokens), hook)

    def recall(model, tokens, hook):
        return remembered(model, tuple(tokens), hook)

    monkeypatch.setattr(module, "_record", recall)
