import numpy as np
import pytest

from viz.provenance import digits, operand_table, placed, shape_words


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.62131, "0.6213"),
        (-12.5, "-12.5000"),
        (0.0, "0.0000"),
        (1.234e-5, "1.234e-05"),
        (-2.5e6, "-2.500e+06"),
        (float("-inf"), "-inf"),
    ],
)
def test_every_number_keeps_its_leading_digits(value, written):
    assert digits(value) == written
    assert float(digits(value)) == pytest.approx(value, rel=1e-3, abs=1e-9)


def test_rows_that_are_tokens_show_their_pieces_and_the_chosen_one_an_arrow():
    columns = {"score": np.array([1.0, 2.0]), "weight": np.array([0.3, 0.7])}
    pieces = ["the", " cat", "unseen"]
    table = operand_table("k_pos", ["0", "1"], columns, pieces=pieces, chosen=1)
    assert list(table.index) == ["0 the", "1 ·cat ←"]
    assert list(table.columns) == ["score", "weight"]


def test_a_place_and_a_shape_are_written_as_code_and_in_words():
    assert placed("logits", (0, 5)) == "logits[0, 5]"
    assert shape_words(("batch", "pos", "1"), (1, 7, 1)) == "batch 1 · pos 7 · 1"
