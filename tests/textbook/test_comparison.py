"""Two models side by side by hand: the same numbers as the library's."""

import numpy as np
from model.test_transformer import small_model, some_tokens

from minigpt.interpret.differences.pattern_change import pattern_change_on
from minigpt.interpret.differences.weight_change import weight_change
from minigpt.textbook.comparison import pattern_divergence, relative_change

TOKENS = some_tokens(1, 12)


def trained_a_little(model):
    for weight in model.parameters():
        weight.data = weight.data * 1.3 + 0.05
    return model


def test_heads_differ_by_as_many_bits_as_the_library_says():
    before, after = small_model(), trained_a_little(small_model())
    found = pattern_divergence(before, after, TOKENS)
    expected = pattern_change_on(before, after, TOKENS[0].tolist())
    assert expected.max() > 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_weights_differ_by_as_much_as_the_library_says():
    before, after = small_model(), trained_a_little(small_model())
    expected = weight_change(before, after)
    known = ~np.isnan(expected.relative)
    found = relative_change(before, after)
    assert list(found) == [n for n, k in zip(expected.names, known, strict=True) if k]
    np.testing.assert_allclose(
        list(found.values()), expected.relative[known], rtol=1e-5
    )
