"""The challenge can be won: every solution, made by hand, puts the token first."""

from pathlib import Path

import pytest

from minigpt.checkpoint import load_checkpoint
from minigpt.interpret.heads import row_challenge as module
from minigpt.interpret.heads.attention_editing import HeadEdit, edit_head
from minigpt.interpret.heads.row_challenge import row_challenge
from minigpt.interpret.openings.attention import attention_opening
from minigpt.library.catalogue import find_model

DATA = Path(__file__).parents[3] / "data"


@pytest.fixture(scope="module", params=["tales", "glass", "induction"])
def opened(request):
    checkpoint = load_checkpoint(find_model(DATA, request.param).path)
    found = attention_opening(checkpoint)
    return checkpoint, checkpoint.tokenizer.encode(found.prompt), found.token


def test_every_solution_puts_the_token_first(opened):
    checkpoint, tokens, token = opened
    found = row_challenge(checkpoint, tokens, token)
    assert found.token != found.before
    assert 1 <= len(found.solutions) < found.tried
    for layer, head, key in found.solutions:
        place = (layer, head, found.query)
        edited = edit_head(
            checkpoint.model, tokens, *place, HeadEdit(weight=(key, 1.0))
        )
        assert int(edited.here.before.argmax()) == found.before
        assert int(edited.here.after.argmax()) == found.token


def test_what_is_no_solution_does_not(opened):
    checkpoint, tokens, token = opened
    found = row_challenge(checkpoint, tokens, token)
    layer, head, _ = found.solutions[0]
    for key in range(found.query + 1):
        edit = HeadEdit(weight=(key, 1.0))
        edited = edit_head(checkpoint.model, tokens, layer, head, found.query, edit)
        wins = int(edited.here.after.argmax()) == found.token
        assert wins == ((layer, head, key) in found.solutions)


def test_a_model_that_is_too_large_gets_none(opened, monkeypatch):
    monkeypatch.setattr(module, "MOST_READ", 1e3)
    assert row_challenge(*opened) is None
