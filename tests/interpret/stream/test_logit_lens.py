"""The lens at the end is the model; before, it is the model cut short."""

import numpy as np
import pytest
import torch
from model.test_transformer import VARIANTS, small_model, some_tokens
from torch import nn

from minigpt.errors import DataError
from minigpt.interpret.stream.logit_lens import (
    Column,
    decisive_dimension,
    follow_token,
    lens_column,
    lens_points,
    logit_lens,
    overtaking,
    settling,
    single_token,
)
from minigpt.tokenizers import BPETokenizer, CharTokenizer

TOKENS = some_tokens(1, 12)[0].tolist()


def output_of(model) -> torch.Tensor:
    with torch.inference_mode():
        return model(torch.tensor([TOKENS]))[0]


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_the_last_row_is_the_models_own_output_exactly(changes):
    model = small_model(**changes)
    logits = output_of(model)
    path = follow_token(model, TOKENS, 7)
    np.testing.assert_array_equal(path.logit[-1], logits[:, 7].numpy())
    lens = logit_lens(model, TOKENS, k=53)
    np.testing.assert_array_equal(
        lens.top_tokens[-1], logits.log_softmax(-1).topk(53, -1).indices.numpy()
    )
    assert not lens.kl[-1].any()


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_a_row_is_the_output_of_a_model_that_stops_there(changes):
    model = small_model(**changes)
    second = lens_points(model).index(
        next(p for p in lens_points(model) if p.hook == "blocks.0.hook_resid_post")
    )
    path = follow_token(model, TOKENS, 7)
    model.blocks = nn.ModuleList(list(model.blocks)[:1])
    expected = output_of(model)
    np.testing.assert_array_equal(path.logit[second], expected[:, 7].numpy())
    np.testing.assert_allclose(
        path.probability[second], expected.softmax(-1)[:, 7], atol=1e-6
    )


def test_points_go_through_every_sublayer_and_skip_the_mlp_where_there_is_none():
    names = [point.name for point in lens_points(small_model())]
    assert names == [
        "embedding",
        "L0 attention",
        "L0 MLP",
        "L1 attention",
        "L1 MLP",
    ]
    without = lens_points(small_model(d_ff=0))
    assert [point.name for point in without] == [
        "embedding",
        "L0 attention",
        "L1 attention",
    ]
    assert {point.hook for point in without} <= set(small_model(d_ff=0).hook_points)


def test_entropy_divergence_and_rank_agree_with_torch():
    model = small_model()
    lens, path = logit_lens(model, TOKENS), follow_token(model, TOKENS, 5)
    with torch.inference_mode():
        logits, cache = model.run_with_cache(torch.tensor([TOKENS]))
        early = model.unembed(model.ln_final(cache["resid_mid", 1]))[0]
    final = torch.distributions.Categorical(logits=logits[0])
    there = torch.distributions.Categorical(logits=early)
    kl = torch.distributions.kl_divergence(final, there)
    np.testing.assert_allclose(lens.entropy[3], there.entropy(), atol=1e-5)
    np.testing.assert_allclose(lens.kl[3], kl, atol=1e-5)
    order = early.argsort(-1, descending=True)
    ranks = (order == 5).int().argmax(-1) + 1
    np.testing.assert_array_equal(path.rank[3], ranks)


def test_a_column_is_the_lens_at_one_position():
    model = small_model()
    column = lens_column(model, TOKENS, 4)
    lens = logit_lens(model, TOKENS)
    for point in range(5):
        top = column.top(point)
        np.testing.assert_array_equal(top, lens.top_tokens[point, 4])
        np.testing.assert_allclose(
            column.probabilities[point, top],
            lens.top_probabilities[point, 4],
            atol=1e-6,
        )


def test_what_a_point_promotes_it_takes_from_others():
    column = lens_column(small_model(), TOKENS, 4)
    change = column.change(2)
    assert change.sum() == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(
        change, column.probabilities[2] - column.probabilities[1], atol=1e-7
    )
    assert not column.change(0).any()


def test_more_tokens_than_the_vocabulary_are_not_asked_for():
    assert logit_lens(small_model(), TOKENS, k=99).top_tokens.shape == (5, 12, 53)
    assert len(Column(np.zeros((1, 3))).top(0)) == 3


@pytest.mark.parametrize(
    ("winner", "rival", "point"),
    [
        ([1, 0.5, 3], [0, 2, 2.5], 2),
        ([1, 2, 3], [0, 0, 0], 0),
        ([0, 2, 0, 2], [1, 1, 1, 1], 3),
        ([0, 2, 1], [1, 1, 1], None),
    ],
)
def test_overtaking_is_where_the_winner_stays_ahead(winner, rival, point):
    assert overtaking(np.array(winner), np.array(rival)) == point


@pytest.mark.parametrize(
    ("tops", "point"), [([4, 7, 5, 7, 7], 3), ([7, 7], 0), ([1, 2], 1), ([3], 0)]
)
def test_settling_is_where_the_last_word_appears_for_good(tops, point):
    assert settling(np.array(tops)) == point


def test_a_token_can_be_named_with_or_without_its_space():
    tokenizer = BPETokenizer(300)
    tokenizer.build_vocab("x ab x ac " * 20)  # " a" comes first, so "ab" never does
    assert len(tokenizer.encode("ab")) == 2
    for typed in ("ab", " ab", "·ab"):
        assert tokenizer.pieces([single_token(tokenizer, typed)]) == [" ab"]


def test_a_text_of_several_tokens_is_refused_and_counted():
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("the cat")
    assert tokenizer.pieces([single_token(tokenizer, "c")]) == ["c"]
    for text, count in (("cat", "3"), ("x", "1")):
        with pytest.raises(DataError, match=f"not one token of this model but {count}"):
            single_token(tokenizer, text)


@pytest.mark.parametrize("changes", [{}, {"norm": "rmsnorm", "tie_embeddings": False}])
def test_without_its_decisive_number_a_token_loses_most(changes):
    model = small_model(**changes)
    point = lens_points(model)[-1]
    found = decisive_dimension(model, TOKENS, point, 5, 7)
    with torch.inference_mode():
        _, cache = model.run_with_cache(torch.tensor([TOKENS]))
        final = model.ln_final(cache[point.hook])[0, 5]
        each = final.expand(32, 32).clone().fill_diagonal_(0)
        assert found == int(model.unembed(each[None])[0, :, 7].argmin())
