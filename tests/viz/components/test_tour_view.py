import pytest

from viz.components.tour.view import read_move, tour


@pytest.mark.parametrize(
    "event",
    [
        None,
        [1, 2],
        {"number": True, "at": 0},
        {"number": 1, "at": -1},
        {"number": 1, "at": 4},
        {"number": 1, "at": "2"},
        {"number": 1, "at": False},
    ],
)
def test_a_browsers_message_that_is_not_sound_moves_nothing(event):
    assert read_move(event, 4) is None


def test_keeping_must_be_said_in_so_many_words():
    assert read_move({"number": 1, "at": None, "keep": "yes"}, 4).keep is False
    assert read_move({"number": 1, "at": None, "keep": True}, 4).keep is True


def test_a_tour_begins_at_one_of_its_stops():
    with pytest.raises(ValueError, match="no stop 1 among 1"):
        tour([("a", "b")], 1, key="t", number=1, on_move=print, on_close=print)
