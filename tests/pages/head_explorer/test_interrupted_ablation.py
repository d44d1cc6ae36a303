"""A reader who clicks while heads are ablated is not kept waiting for the rest."""

import pytest

from minigpt.checkpoint import load_checkpoint
from pages.head_explorer import study
from pages.head_explorer.study import kl_without


class Overtaken(Exception):
    """As Streamlit ends a run when a newer one was asked for."""


class Session(dict):
    """A session's state in which the run is overtaken at the third look."""

    looks = 0

    def get(self, key, default=None):
        self.looks += 1
        if self.looks == 3:
            raise Overtaken
        return default


def test_a_newer_run_takes_over_between_two_blocks(models, monkeypatch):
    model, tokenizer, _ = load_checkpoint(
        models / "models/glass/checkpoints/checkpoint_step_100"
    )
    tokens = tokenizer.encode("the red kite")
    session = Session()
    monkeypatch.setattr(study.st, "session_state", session)
    with pytest.raises(Overtaken):
        kl_without(model, tokens, 0)
    found = kl_without(model, tokens, 0)  # the next run asks again, and is answered
    assert len(found) == model.config.num_heads
    assert min(found) > 0
