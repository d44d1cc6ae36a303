import pytest

from viz.components.keyboard import read_presses


@pytest.mark.parametrize(
    ("message", "read"),
    [
        ({"ArrowLeft": 2, "?": 1}, {"ArrowLeft": 2, "?": 1}),
        ({"x": 1, "ArrowLeft": 0}, {}),
        ({"ArrowLeft": -1, "?": True}, {}),
        ({"ArrowLeft": 10**9, "?": "1"}, {}),
        (None, {}),
        ([("ArrowLeft", 1)], {}),
    ],
)
def test_of_a_browsers_message_only_keys_and_counts_are_believed(message, read):
    assert read_presses(message, ["ArrowLeft", "?"]) == read
