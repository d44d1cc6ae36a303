"""What the view of a conversation's tokens hands to the browser."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from viz.components.chat_tokens.view import SpokenTokens, chat_tokens

PIECES = ["<user>", " Who", "?\n", "<assistant>", " Mia", "<eos>"]
SPEAKERS = ["template", "user", "user", "template", "assistant", "end"]


def shown(selected=None, **arguments):
    def script(pieces, speakers, selected, arguments):
        from viz.components.chat_tokens.view import SpokenTokens, chat_tokens

        tokens = SpokenTokens(pieces, speakers, **arguments)
        chat_tokens(tokens, key="talk", rest="at rest", selected=selected)

    given = (PIECES, SPEAKERS, selected, arguments)
    app = AppTest.from_function(script, args=given)
    app.run()
    assert not app.exception
    return json.loads(app.get("bidi_component")[0].proto.json)


def test_without_weights_each_piece_says_whose_it_is():
    data = shown()
    assert data["levels"] is None
    assert data["pieces"] == ["<user>", "·Who", "?⏎", "<assistant>", "·Mia", "<eos>"]
    assert data["breaks"] == [False, False, True, False, False, False]
    assert data["sentences"][1] == "said by the user"
    assert "no text contains it" in data["sentences"][0]
    assert data["choices"] == list(range(6))


def test_weights_are_shades_and_numbers_and_what_was_not_there_has_none():
    nan = float("nan")
    data = shown(weights=[0.0, 0.25, 0.5, 0.25, nan, nan], query=3, marked=[1])
    assert data["levels"] == [0, 64, 128, 64, None, None]
    assert data["sentences"][2].startswith("read with weight 0.500")
    assert data["sentences"][4].startswith("not written yet")
    assert (data["query"], data["marked"]) == (3, [1])


def test_a_place_is_selected_among_those_that_can_be():
    data = shown(choices=[4, 5], selected=5)
    assert (data["choices"], data["selected"]) == ([4, 5], 5)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"speakers": SPEAKERS[1:]}, "6 pieces, 5 speakers"),
        ({"speakers": ["owl", *SPEAKERS[1:]]}, "owl"),
        ({"weights": [0.5]}, "weights of"),
        ({"weights": [1.5, 0, 0, 0, 0, 0]}, "between 0 and 1"),
        ({"marked": [6]}, "outside"),
        ({"query": -1}, "outside"),
        ({"choices": [9]}, "outside"),
        ({"choices": [4], "selected": 1}, "outside"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, told):
    given = {"speakers": SPEAKERS} | arguments
    selected = given.pop("selected", None)
    with pytest.raises(ValueError, match=told):
        chat_tokens(
            SpokenTokens(PIECES, **given), key="talk", rest="", selected=selected
        )
