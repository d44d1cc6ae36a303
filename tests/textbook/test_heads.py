"""Heads by hand: the same numbers as the library's."""

import numpy as np
import pytest
import torch
from model.test_transformer import VARIANTS, small_model, some_tokens

from minigpt.interpret.heads.attention_steps import attention_steps
from minigpt.interpret.heads.scores import SCORES, head_scores
from minigpt.textbook import heads
from minigpt.textbook.attention import attention_row

TOKENS = some_tokens(1, 12)
REPEATED = torch.tensor([[3, 1, 4, 4, 1, 5, 3, 3, 1, 4]])


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
@pytest.mark.parametrize("query", [0, 7])
def test_a_row_of_a_head_is_the_librarys(changes, query):
    model = small_model(**changes)
    last = model.config.num_heads - 1
    found = attention_row(model, TOKENS, 1, last, query)
    steps = attention_steps(model, TOKENS[0].tolist(), 1, last, query)
    for name, expected in (
        ("raw", steps.raw),
        ("weights", steps.pattern),
        ("z", steps.z),
    ):
        np.testing.assert_allclose(found[name], expected, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("tokens", [TOKENS, REPEATED, REPEATED[:, :1]], ids=len)
def test_every_score_is_the_librarys(name, tokens):
    model = small_model()
    expected = head_scores(heads.patterns(model, tokens).numpy(), tokens[0].tolist())
    found = heads.SCORES[name](model, tokens)
    np.testing.assert_allclose(found, getattr(expected, name), atol=1e-6)


def test_the_scores_have_the_librarys_names_and_order():
    model = small_model()
    found = head_scores(heads.patterns(model, REPEATED).numpy(), REPEATED[0].tolist())
    assert tuple(heads.SCORES) == SCORES
    by_hand = [score(model, REPEATED) for score in heads.SCORES.values()]
    np.testing.assert_allclose(found.as_array(), np.stack(by_hand), atol=1e-6)
