import numpy as np
import pytest

from viz.components.zoom.view import MOST_CELLS, ZoomLevel, ZoomRow


def test_a_share_that_is_no_weight_is_refused():
    row = ZoomRow("a", np.ones(3), share=1.2)
    with pytest.raises(ValueError, match=r"lies in 0–1.*1\.2"):
        ZoomLevel(["text"], "words", [row])


def test_every_next_token_needs_its_probability():
    with pytest.raises(ValueError, match="2 pieces, but 1 probabilities"):
        ZoomLevel(["text"], "words", [], ["a", "b"], [0.5])


def test_a_wide_vector_is_cut_and_says_how_wide_it_is():
    packed = ZoomRow("a", np.ones(MOST_CELLS + 5)).packed()
    assert packed["width"] == MOST_CELLS + 5
    assert len(packed["values"]) == len(
        ZoomRow("a", np.ones(MOST_CELLS)).packed()["values"]
    )
