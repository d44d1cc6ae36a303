"""Maps of tokens and graphs of heads: what they draw, and what they refuse."""

import json

import numpy as np
import pytest

from viz.circuits.head_graph import PICKED, Line, band_bars, head_graph, line_table
from viz.circuits.head_scatter import Axis, head_scatter, scatter_table
from viz.circuits.token_map import MOST, extremes, map_table, token_map

PIECES = [" a", "<b>", "\n"]
VALUES = np.array([[0.5, -2.0, 1.0], [0.0, 3.0, 0.25], [-1.0, 0.125, 0.0]])
LINES = [
    Line((0, 1), (1, 0), 0.2, 0.1, 0.15),
    Line((0, 0), (2, 1), 0.3, 0.11, 0.16),
]


def rows_of(chart) -> list[dict]:
    spec = chart.to_dict()
    return [row for rows in spec["datasets"].values() for row in rows]


def test_a_map_draws_every_cell_at_its_place():
    rows = rows_of(token_map(PIECES, VALUES, ("is read", "is raised"), "x", 1))
    cells = {
        (row["row"], row["column"]): row["value"] for row in rows if "value" in row
    }
    assert cells == {place: VALUES[place] for place in np.ndindex(3, 3)}
    assert [row for row in rows if "value" not in row] == [{"row": 1}]
    assert map_table(PIECES, VALUES).to_numpy().tolist() == VALUES.tolist()


def test_texts_of_tokens_are_looked_up_and_never_read_as_code():
    chart = token_map(['"];alert(1)//', "b"], np.eye(2), ("is read", "is raised"), "x")
    looked_up = chart.to_dict()["layer"][0]["transform"][0]["calculate"]
    names, _, rest = looked_up.rpartition("[datum.")
    assert json.loads(names) == ['"];alert(1)//', "b"]
    assert rest in ("row]", "column]")


@pytest.mark.parametrize(
    ("count", "values", "said"),
    [(3, VALUES[:2], r"is \[3 3\], not \[2, 3\]"), (MOST + 1, None, "at most 160")],
)
def test_a_map_that_does_not_fit_is_refused(count, values, said):
    values = np.zeros((count, count)) if values is None else values
    with pytest.raises(ValueError, match=said):
        token_map(["a"] * count, values, ("is read", "is raised"), "x")


def test_a_row_shows_its_largest_and_its_smallest():
    pieces = [chr(97 + place) for place in range(20)]
    names, values = extremes(pieces, np.arange(20.0), count=2)
    assert names == ["t +19.00", "s +18.00", "b +1.00", "a +0.00"]
    assert values.tolist() == [19, 18, 1, 0]
    names, _ = extremes(["x", "x"], np.array([1.0, 1.0]))
    assert len(set(names)) == 2


def test_the_graph_draws_every_head_and_the_chosen_heads_links_last():
    chart = head_graph((3, 2), LINES, (1, 0))
    rows = rows_of(chart)
    heads = {row["head"]: row["chosen"] for row in rows if "head" in row}
    assert len(heads) == 6
    assert [head for head, chosen in heads.items() if chosen] == ["L1H0"]
    links = [(row["link"], row["own"]) for row in rows if "link" in row]
    assert links == [("L0H0 → L2H1", False), ("L0H1 → L1H0", True)]
    assert PICKED in [each["name"] for each in chart.to_dict()["params"]]


def test_a_graph_without_links_draws_the_heads():
    rows = rows_of(head_graph((1, 2), [], (0, 0)))
    assert [row["head"] for row in rows] == ["L0H0", "L0H1"]


def test_each_partner_stands_beside_its_own_band():
    rows = rows_of(band_bars(LINES, "K-composition"))
    assert [(r["link"], r["low"], r["score"], r["high"]) for r in rows] == [
        ("L0H1 → L1H0", 0.1, 0.2, 0.15),
        ("L0H0 → L2H1", 0.11, 0.3, 0.16),
    ]
    assert list(line_table(LINES)) == ["link", "score", "by chance from", "to"]


def test_every_head_lies_between_two_measures_with_its_intervals():
    score = np.array([[0.1, 0.8], [0.2, 0.15]])
    x = Axis("previous", score, score - 0.1, score + 0.1, (0.05, 0.2))
    y = Axis("itself", score.T, score.T, score.T, None)
    table = scatter_table(x, y, (1, 0))
    chart = head_scatter(table, x, y)
    dots = {
        row["head"]: (row["x score"], row["y score"], row["x low"], row["chosen"])
        for row in rows_of(chart)
        if "head" in row
    }
    assert dots["L0H1"] == (0.8, 0.2, pytest.approx(0.7), False)
    assert dots["L1H0"] == (0.2, 0.8, pytest.approx(0.1), True)
    stripes = [row for row in rows_of(chart) if "head" not in row]
    assert stripes == [{"low": 0.05, "high": 0.2}]
    assert PICKED in [each["name"] for each in chart.to_dict()["params"]]
    with pytest.raises(ValueError, match="same heads"):
        scatter_table(x, y._replace(score=score[:1]), (0, 0))
