"""What the two arms of a study had right, test by test."""

from collections.abc import Iterable

import pandas as pd

from viz import vega_lite as vl
from viz.theme import BLUE, ORANGE
from viz.vega_lite.lettering import printed

ARMS = ("locked", "free")
TESTS = {"before": "before", "after": "after", "later": "last test"}


def arm_table(scores: Iterable[tuple[str, str, int]]) -> pd.DataFrame:
    """Return the mean of each arm in each test that somebody has taken.

    Args:
        scores: Arm, test and how many items were right, of each learner and test.

    Returns:
        Columns arm, test, right, learners, text, and whether the text stands above
        its point, where it is out of the other arm's way; tests in their order.
    """
    rows = pd.DataFrame(scores, columns=["arm", "test", "right"])
    table = rows.groupby(["arm", "test"], sort=False)["right"].agg(["mean", "size"])
    table = table.reset_index().rename(columns={"mean": "right", "size": "learners"})
    table["test"] = table["test"].map(TESTS)
    table["text"] = [f"{right:.1f}" for right in table["right"]]
    others = table.groupby("test")["right"].transform("min")
    is_only = table.groupby("test")["arm"].transform("size") == 1
    is_first = table["arm"] == ARMS[0]
    is_even = table["right"] == table.groupby("test")["right"].transform("max")
    table["above"] = is_only | (table["right"] > others) | (is_even & is_first)
    return table


def arm_lines(table: pd.DataFrame, length: int) -> vl.LayerChart:
    """Draw a line for each arm, from test to test.

    Args:
        table: What `arm_table` returned.
        length: Items of a test.
    """
    arms = vl.Color("arm:N", title=None, sort=list(ARMS)).legend(orient="top")
    color = arms.scale(domain=list(ARMS), range=[BLUE, ORANGE])
    rows = _placed(table, length)
    lines = rows.mark_line(strokeWidth=2).encode(color=color)
    points = rows.mark_circle(size=70, opacity=1).encode(color=color)
    above, below = (
        printed(_placed(table[part], length), dx=6, dy=dy).encode(text="text:N")
        for part, dy in ((table["above"], -10), (~table["above"], 10))
    )
    chart: vl.LayerChart = (lines + points + above + below).properties(height=280)
    return chart


def _placed(table: pd.DataFrame, length: int) -> vl.Chart:
    return vl.Chart(table).encode(
        x=vl.X("test:N", title=None, sort=list(TESTS.values())).axis(labelAngle=0),
        y=vl.Y("right:Q", title=f"items right, of {length}").scale(domain=[0, length]),
        tooltip=["arm:N", "test:N", "right:Q", "learners:Q"],
    )
