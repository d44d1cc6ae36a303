"""Every lesson opens where its point can be felt: the effect is at least its bar."""

from pathlib import Path

import pytest

from minigpt.checkpoint import load_checkpoint
from minigpt.datasets.tales.questions import LISTENERS
from minigpt.datasets.tales.words import BOYS, COLOURS, GIRLS, PLACES, THINGS
from minigpt.interpret.openings.attention import attention_opening
from minigpt.interpret.openings.embeddings import embedding_opening
from minigpt.interpret.openings.home import home_opening
from minigpt.interpret.positions.embedding_space import nearest, token_table
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


KINDS = ({*GIRLS, *BOYS}, set(THINGS), set(PLACES), set(COLOURS), set(LISTENERS))
"""What the world of tales is made of. The search itself knows nothing of it."""


def test_embeddings_open_at_a_token_among_its_kind(checkpoint):
    model, tokenizer, metadata = checkpoint
    found = embedding_opening(checkpoint)
    if metadata.provenance.get("data", {}).get("source") == "repeats":
        # Words drawn at random: none is like another, and the page says so.
        assert found.effects["gap"] < 0
        return
    assert found.effects["gap"] >= 0.1
    token = tokenizer.encode(found.prompt)[found.token]
    table = token_table(model, found.table)[: tokenizer.vocab_size]
    near = nearest(table, token, 5).tokens
    words = {piece.strip() for piece in tokenizer.pieces([token, *near])}
    assert any(words <= kind for kind in KINDS), words


def test_home_opens_where_the_last_token_alone_would_not_tell(checkpoint):
    found = home_opening(checkpoint)
    assert found.effects["probability"] >= 0.5
    assert found.effects["gain"] >= 0.3
    assert 5 <= len(checkpoint.tokenizer.encode(found.prompt)) <= 12
