"""Every lesson opens where its point can be felt: the effect is at least its bar."""

from pathlib import Path

import pytest

from minigpt.checkpoint import load_checkpoint
from minigpt.interpret.heads.attention_editing import HeadEdit, edit_head
from minigpt.interpret.heads.attention_steps import attention_steps
from minigpt.interpret.openings.attention import attention_opening
from minigpt.library.catalogue import find_model

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module", params=["tales", "glass", "induction"])
def checkpoint(request):
    return load_checkpoint(find_model(DATA, request.param).path)


def test_attention_opens_on_an_average_that_the_root_keeps_one(checkpoint):
    found = attention_opening(checkpoint)
    tokens = checkpoint.tokenizer.encode(found.prompt)
    place = (found.layer, found.head, found.token)
    edited = edit_head(checkpoint.model, tokens, *place, HeadEdit(without_scale=True))
    assert found.effects["kl"] == pytest.approx(edited.here.kl, rel=1e-3)
    steps = attention_steps(checkpoint.model, tokens, *place)
    growth = edited.pattern.max() - steps.pattern.max()
    assert found.effects["growth"] == pytest.approx(growth, rel=1e-3)
    assert found.effects["entropy"] >= 0.5
    assert found.effects["growth"] >= 0.3
    assert found.effects["kl"] >= 0.3
    assert found.effects["hidden"] >= 3
