"""A reader who clicks while heads are ablated is not kept waiting for the rest."""

import pytest
from streamlit.runtime.scriptrunner_utils.exceptions import RerunException
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData
from streamlit.runtime.state import SafeSessionState, SessionState, session_state_proxy

from minigpt.checkpoint import load_checkpoint
from pages.head_explorer.study import kl_without


def test_a_newer_run_takes_over_between_two_blocks(models, monkeypatch):
    looks = iter(range(1, 100))

    def look_for_a_newer_run() -> None:
        if next(looks) == 3:
            raise RerunException(RerunData())

    state = SafeSessionState(SessionState(), look_for_a_newer_run)
    monkeypatch.setattr(session_state_proxy, "get_session_state", lambda: state)
    model, tokenizer, _ = load_checkpoint(
        models / "models/glass/checkpoints/checkpoint_step_100"
    )
    tokens = tokenizer.encode("the red kite")
    with pytest.raises(RerunException):
        kl_without(model, tokens, 0)
    found = kl_without(model, tokens, 0)  # the next run asks again, and is answered
    assert len(found) == model.config.num_heads
    assert min(found) > 0
