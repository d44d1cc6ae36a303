"""The stream, the lens and the shares by hand: the same numbers as the library's."""

import numpy as np
import pytest
from model.test_transformer import VARIANTS, small_model, some_tokens

from minigpt.interpret.stream.attribution import attribute
from minigpt.interpret.stream.attribution_detail import rank_neurons
from minigpt.interpret.stream.block_view import block_view
from minigpt.interpret.stream.journey import journey
from minigpt.interpret.stream.logit_lens import follow_token, lens_column, logit_lens
from minigpt.textbook.attribution import logit_shares, neuron_shares
from minigpt.textbook.lens import divergence_from_output, lens_logits, rank
from minigpt.textbook.stream import block_sum, stream_norms

TOKENS = some_tokens(1, 12)
IDS = TOKENS[0].tolist()
POSITION, A, B = 6, 7, 21


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_a_block_adds_up_to_what_it_leaves_in_the_stream(changes):
    model = small_model(**changes)
    found, view = (
        block_sum(model, TOKENS, 1, POSITION),
        block_view(model, IDS, 1, POSITION),
    )
    np.testing.assert_allclose(found["heads"], view.head_norms, atol=1e-5)
    np.testing.assert_allclose(found["attention"], view.attn_out, atol=1e-5)
    np.testing.assert_allclose(found["after"], view.resid_post, atol=1e-5)


@pytest.mark.parametrize("most", [1, 6])
def test_the_streams_lengths_are_those_of_the_journey(most):
    model = small_model()
    stages = journey(model, IDS, most=most).stages
    found = stream_norms(model, TOKENS, [stage.stream_name for stage in stages])
    expected = [stage.stream for stage in stages]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_the_lens_is_the_librarys(changes):
    model = small_model(**changes)
    logits = lens_logits(model, TOKENS)
    lens, path = logit_lens(model, IDS), follow_token(model, IDS, A)
    column = lens_column(model, IDS, POSITION)
    best = logits.softmax(-1).amax(-1)
    np.testing.assert_allclose(logits[:, POSITION], column.logits, atol=1e-4)
    np.testing.assert_allclose(best, lens.top_probabilities[..., 0], atol=1e-5)
    np.testing.assert_array_equal(rank(logits, A), path.rank)
    np.testing.assert_allclose(divergence_from_output(logits), lens.kl, atol=1e-4)


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
@pytest.mark.parametrize("b", [None, B])
def test_the_shares_of_a_logit_are_the_librarys(changes, b):
    model = small_model(**changes)
    expected = attribute(model, IDS, POSITION, A, b)
    found = logit_shares(model, TOKENS, POSITION, A, b)
    assert list(found) == [part.name for part in expected.parts]
    np.testing.assert_allclose(list(found.values()), expected.shares, atol=1e-5)
    if model.config.mlp_width:
        shares = neuron_shares(model, TOKENS, POSITION, 1, A, b)
        neurons = rank_neurons(model, IDS, POSITION, 1, A, b)
        np.testing.assert_allclose(shares, neurons.shares[:10], atol=1e-6)
