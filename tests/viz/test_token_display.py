"""What is invisible in a token is drawn, and what looks like markup stays text."""

import pytest

from viz.tokens import display_piece, placed_pieces, token_table


@pytest.mark.parametrize(
    ("piece", "shown"),
    [
        (" the\n", "·the⏎"),
        ("\t", "⇥"),
        ("", "∅"),
        ("\x00", "\\u0000"),
        ("\u202e", "\\u202e"),
        ('<b>&"', '<b>&"'),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("\\xe2", "\\xe2"),
    ],
)
def test_a_piece_is_drawn_as(piece, shown):
    assert display_piece(piece) == shown


def test_equal_pieces_keep_different_names():
    assert placed_pieces([" a", " a"]) == ["0 ·a", "1 ·a"]


def test_the_table_behind_the_pieces_has_every_token():
    table = token_table([" a", "b"], [5, 7])
    assert table.to_dict("list") == {
        "position": [0, 1],
        "piece": ["·a", "b"],
        "id": [5, 7],
    }


def test_the_table_wants_one_id_per_piece():
    with pytest.raises(ValueError, match="2 pieces but 1 ids"):
        token_table(["a", "b"], [1])
