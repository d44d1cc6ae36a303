import pytest

from viz.components.keyboard.view import read_presses


@pytest.mark.parametrize(
    ("presses", "read"),
    [
        ({"ArrowLeft": 2, "?": 1}, {"ArrowLeft": 2, "?": 1}),
        ({"x": 1, "ArrowLeft": 0}, {}),
        ({"ArrowLeft": -1, "?": True}, {}),
        ({"ArrowLeft": 10**9, "?": "1"}, {}),
        (None, {}),
        ([("ArrowLeft", 1)], {}),
    ],
)
def test_of_a_browsers_message_only_keys_and_counts_are_believed(presses, read):
    event = {"number": 4, "presses": presses}
    number, believed = read_presses(event, ["ArrowLeft", "?"])
    assert believed == read
    assert number == (4 if isinstance(presses, dict) else 0)


@pytest.mark.parametrize(
    "event", [None, 3, {"presses": {"?": 1}}, {"number": True, "presses": {"?": 1}}]
)
def test_what_is_no_message_presses_nothing(event):
    assert read_presses(event, ["?"]) == (0, {})
