"""Patterns on the wire: nothing is lost that will be shown."""

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from viz.attention import (
    MASKED,
    check_pattern,
    masked_cells,
    pack_bytes,
    pack_thousandths,
    pattern_table,
    pool_patterns,
    reading_sentence,
    unpack_bytes,
)

WEIGHTS = arrays(np.float32, (2, 3, 5, 5), elements=st.floats(0, 1, width=32))
CAUSAL = np.array([[1.0, 0, 0], [0.6249, 0.3751, 0], [0.2, 0.3, 0.5]])


def thousandths(packed: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed), dtype="<u2")


@given(WEIGHTS)
def test_a_byte_is_at_most_one_510th_off(weights):
    unpacked = unpack_bytes(pack_bytes(weights), weights.shape)
    assert np.abs(unpacked - weights).max() <= 1 / 510 + 1e-9


def test_weights_that_are_bytes_already_are_sent_as_they_are():
    levels = np.arange(256, dtype=np.uint8)
    assert base64.b64decode(pack_bytes(levels)) == levels.tobytes()


def test_unpacking_into_another_shape_names_both_sizes():
    with pytest.raises(ValueError, match=r"4 bytes cannot fill \[3, 3\].*9 cells"):
        unpack_bytes(pack_bytes(np.zeros((2, 2))), (3, 3))


@given(WEIGHTS)
def test_a_shown_weight_has_the_tensors_own_three_decimals(weights):
    full = np.maximum(weights[0, 0], 0.01)
    sent = thousandths(pack_thousandths(full)).reshape(full.shape) / 1000
    assert np.abs(sent - full).max() <= 0.0005 + 1e-9


def test_masked_cells_are_told_from_cells_of_weight_zero():
    sent = thousandths(pack_thousandths(np.array([[1.0, 0], [1.0, 0]]))).reshape(2, 2)
    assert sent.tolist() == [[1000, MASKED], [1000, 0]]


def test_a_model_that_reads_ahead_has_no_masked_cells():
    assert not masked_cells(np.full((4, 4), 0.25)).any()


def test_not_a_number_is_masked_wherever_it_stands():
    pattern = np.array([[0.5, 0.5], [np.nan, 1.0]])
    assert masked_cells(pattern).tolist() == [[False, False], [True, False]]


def test_pooling_keeps_every_stripe():
    stripe = np.eye(200)[None, None]
    pooled = pool_patterns(stripe, 64)
    assert pooled.shape[-1] <= 64
    assert (np.diagonal(pooled[0, 0]) == 1).all()


def test_pooling_survives_masked_cells():
    pattern = np.where(np.tril(np.ones((130, 130))) > 0, 0.5, np.nan)
    assert (np.diagonal(pool_patterns(pattern, 64)) == 0.5).all()


def test_a_short_pattern_is_not_pooled():
    pattern = np.random.default_rng(0).random((2, 2, 64, 64))
    assert pool_patterns(pattern, 64) is pattern


@pytest.mark.parametrize("shape", [(3, 4), (4, 4), (3,), (3, 3, 4)])
def test_a_pattern_that_does_not_fit_its_pieces_is_refused(shape):
    with pytest.raises(ValueError, match="3 pieces"):
        check_pattern(["a", "b", "c"], np.zeros(shape))


def test_weights_outside_0_to_1_are_refused_with_the_worst():
    with pytest.raises(ValueError, match=r"one is 3\.5"):
        check_pattern(["a"], np.array([[3.5]]))


def test_the_table_has_the_weights_and_blanks_where_masked():
    table = pattern_table([" a", " a", "\n"], CAUSAL)
    assert list(table.columns) == ["0 ·a", "1 ·a", "2 ⏎"]
    assert table.iloc[1, 0] == 0.6249
    assert np.isnan(table.iloc[0, 1])


def test_a_cell_is_said_in_words():
    pieces = ["cat", " it", "."]
    said = reading_sentence(pieces, CAUSAL, 1, 0)
    assert said == "·it reads cat with weight 0.625"
    assert reading_sentence(pieces, CAUSAL, 0, 1) == "cat may not read ·it"
