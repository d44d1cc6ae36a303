"""Every lesson opens where its point can be felt: the effect is at least its bar."""

from pathlib import Path

import pytest

from minigpt.checkpoint import load_checkpoint
from minigpt.interpret.openings.attention import attention_opening
from minigpt.interpret.openings.head_explorer import head_explorer_opening
from minigpt.interpret.openings.intervene import intervene_opening
from minigpt.interpret.openings.logit_lens import logit_lens_opening
from minigpt.library.catalogue import find_model

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module", params=["tales", "glass", "induction"])
def checkpoint(request):
    return load_checkpoint(find_model(DATA, request.param).path)


def test_attention_opens_on_an_average_that_the_root_keeps_one(checkpoint):
    found = attention_opening(checkpoint)
    assert found.effects["entropy"] >= 0.5
    assert found.effects["growth"] >= 0.3
    assert found.effects["kl"] >= 0.3
    assert found.effects["hidden"] >= 3


def test_the_head_explorer_opens_on_a_head_that_does_something_else_elsewhere(
    checkpoint,
):
    found = head_explorer_opening(checkpoint)
    assert found.effects["change"] >= 0.3
    assert found.effects["here"] - found.effects["there"] == pytest.approx(
        found.effects["change"]
    )


def test_the_lens_opens_where_the_answer_overtakes_late_and_by_far(checkpoint):
    found = logit_lens_opening(checkpoint)
    points = 1 + checkpoint.model.config.num_layers * (
        2 if checkpoint.model.config.mlp_width else 1
    )
    assert 2 * found.effects["point"] >= points
    assert found.effects["behind"] >= 2
    assert found.effects["lead"] >= 2


def test_intervene_opens_where_ablating_one_head_is_felt_by_the_answer_and_another(
    checkpoint,
):
    found = intervene_opening(checkpoint)
    assert found.effects["kl"] >= 1
    assert found.other.layer > found.layer
    if checkpoint.metadata.provenance["data"]["source"] == "repeats":
        # The model that copies: its induction head is lost with the head before it.
        assert found.habit == "induction"
        assert found.effects["before"] >= 0.9
        assert found.effects["after"] <= 0.1
    else:
        assert found.effects["drop"] > 0
