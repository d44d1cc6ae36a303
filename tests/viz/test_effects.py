import json

import numpy as np
import pytest

from viz.effects import before_after_bars, before_after_table

PIECES = [" a", "<b>", "\n", " d"]
BEFORE = np.array([0.1, 0.6, 0.0002, 0.2998])
AFTER = np.array([0.05, 0.0, 0.9, 0.05])


def test_the_likeliest_before_and_after_are_both_shown():
    table = before_after_table(PIECES, BEFORE, AFTER, shown=2)
    assert table["token"].tolist() == [1, 1, 2, 2]
    assert table["probability"].tolist() == [0.6, 0.0, 0.0002, 0.9]
    assert table["text"].tolist() == ["0.600", "0", "<0.001", "0.900"]


def test_the_bars_carry_the_table():
    spec = json.loads(before_after_bars(PIECES, BEFORE, AFTER).to_json())
    rows = [row for rows in spec["datasets"].values() for row in rows]
    shown = {(row["piece"], row["stage"]): row["probability"] for row in rows}
    assert shown["0 <b>", "before"] == 0.6
    assert shown["0 <b>", "after"] == 0.0
    assert len(shown) == 8
    assert "probability" in spec["layer"][0]["encoding"]["x"]["title"]


def test_a_vocabulary_of_another_size_is_refused():
    with pytest.raises(ValueError, match="3 pieces, 4 probabilities"):
        before_after_table(PIECES[:3], BEFORE, AFTER)
