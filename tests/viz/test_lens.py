"""Grids of the lens carry its numbers; a window of a large one holds what is chosen."""

import numpy as np
import pytest

from viz.lens import (
    MOST_CELLS,
    divergence_view,
    headings,
    probability_view,
    rank_view,
    top_view,
    window,
)

POINTS = ["embedding", "L0 MLP"]
TOKENS = ["0 the", "1 ·cat"]
P = np.array([[0.25, 0.00002], [1.0, 0.5]])


def test_the_likeliest_tokens_are_printed_visibly_and_said_with_their_probability():
    view = top_view(POINTS, TOKENS, [[" a", "\n"], ["<b>", "x"]], P)
    assert view.texts == [["·a", "⏎"], ["<b>", "x"]]
    assert (
        view.sentences[1][0] == "“0 the”, after L0 MLP: “<b>” with probability 1.0000"
    )
    assert (view.unit, view.limit) == ("probability", 1.0)
    np.testing.assert_array_equal(view.values, P)


def test_a_tokens_own_probability_is_never_printed_as_zero_when_it_is_not():
    view = probability_view(POINTS, TOKENS, " a", P)
    assert view.texts == [["0.250", "<0.001"], ["1.000", "0.500"]]
    assert "“·a” with probability 0.000020" in view.sentences[0][1]


def test_the_first_rank_is_the_darkest():
    view = rank_view(POINTS, TOKENS, "a", np.array([[1, 4], [10, 2]]))
    np.testing.assert_allclose(view.values, [[1, 0.25], [0.1, 0.5]])
    np.testing.assert_array_equal(view.numbers, [[1, 4], [10, 2]])
    assert view.texts[1] == ["10", "2"]
    assert view.sentences[0][1].endswith("“a” at rank 4")


def test_a_divergence_is_told_in_nats():
    view = divergence_view(POINTS, TOKENS, np.array([[2.5, 0], [0, 0.1]]))
    assert "nats" in view.unit
    assert "2.5000 nats" in view.sentences[0][0]


@pytest.mark.parametrize("chosen", [0, 40, 199])
@pytest.mark.parametrize("points", [3, 97, 1000])
def test_a_window_holds_the_chosen_column_and_few_enough_cells(chosen, points):
    shown = window(chosen, 200, points)
    assert chosen in shown
    assert len(shown) == 200 or len(shown) == max(8, MOST_CELLS // points)
    assert 0 <= shown.start < shown.stop <= 200


def test_a_short_prompt_is_shown_whole():
    assert window(0, 7, 9) == range(7)


def test_headings_tell_equal_pieces_apart():
    assert headings([" a", " a"]) == ["0\n·a", "1\n·a"]
