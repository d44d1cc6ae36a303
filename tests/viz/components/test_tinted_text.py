"""What a tinted text hands to the browser."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from viz.components.tinted_text.view import TintedText


def shown(script, *arguments):
    app = AppTest.from_function(script, args=arguments)
    app.run()
    assert not app.exception
    return json.loads(app.get("bidi_component")[0].proto.json)


def tinted(values, lower_is_better=False):
    def script(values, lower_is_better):
        import numpy as np

        from viz.components.tinted_text.view import TintedText, tinted_text

        text = TintedText(
            ["a"] * len(values),
            np.array(values, float),
            unit="nats",
            ends=("worse", "better"),
            lower_is_better=lower_is_better,
        )
        tinted_text(text, key="text")

    return shown(script, values, lower_is_better)


def test_tints_run_symmetrically_around_none():
    data = tinted([-2, -1, 0, 1, float("nan")])
    assert data["levels"] == [0, 64, 127, 190, None]
    assert data["numbers"] == ["−2.000", "−1.000", "0.000", "+1.000", None]
    assert data["range"] == {"vermillion": "−2 worse", "blue": "+2 better"}


def test_where_lower_is_better_the_tints_turn_and_the_numbers_stay():
    data = tinted([-2, 1], lower_is_better=True)
    assert data["levels"] == [254, 64]
    assert data["numbers"] == ["−2.000", "+1.000"]
    assert data["range"] == {"vermillion": "+2 worse", "blue": "−2 better"}


def test_small_numbers_keep_their_digits():
    assert tinted([0.00412, -0.001])["numbers"] == ["+0.00412", "−0.00100"]


def test_nothing_but_zeros_has_a_range_all_the_same():
    assert tinted([0, 0])["levels"] == [127, 127]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="2 pieces, but values of"):
        TintedText(["a", "b"], np.zeros(3), "nats")
    with pytest.raises(ValueError, match="1 sentences"):
        TintedText(["a", "b"], np.zeros(2), "nats", sentences=["x"])
