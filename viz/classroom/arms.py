"""What the two arms of a study had right, test by test."""

from collections.abc import Iterable

import pandas as pd

import viz.vega_lite as vl
from viz.theme import BLUE, ORANGE
from viz.vega_lite.lettering import printed

ARMS = ("locked", "free")
TESTS = {"before": "before", "after": "after", "later": "last test"}


def arm_table(scores: Iterable[tuple[str, str, int]]) -> pd.DataFrame:
    """Return the mean of each arm in each test that somebody has taken.

    Args:
        scores: Arm, test and how many items were right, of each learner and test.

    Returns:
        Columns arm, test, right, learners, text; tests in their order.
    """
    rows = pd.DataFrame(scores, columns=["arm", "test", "right"])
    table = rows.groupby(["arm", "test"], sort=False)["right"].agg(["mean", "size"])
    table = table.reset_index().rename(columns={"mean": "right", "size": "learners"})
    table["test"] = table["test"].map(TESTS)
    table["text"] = [f"{right:.1f}" for right in table["right"]]
    return table


def arm_lines(table: pd.DataFrame, length: int) -> vl.LayerChart:
    """Draw a line for each arm, from test to test.

    Args:
        table: What `arm_table` returned.
        length: Items of a test.
    """
    rows = vl.Chart(table).encode(
        x=vl.X("test:N", title=None, sort=list(TESTS.values())).axis(labelAngle=0),
        y=vl.Y("right:Q", title=f"items right, of {length}").scale(domain=[0, length]),
        tooltip=["arm:N", "test:N", "right:Q", "learners:Q"],
    )
    arms = vl.Color("arm:N", title=None, sort=list(ARMS)).legend(orient="top")
    color = arms.scale(domain=list(ARMS), range=[BLUE, ORANGE])
    lines = rows.mark_line(strokeWidth=2).encode(color=color)
    points = rows.mark_circle(size=70, opacity=1).encode(color=color)
    numbers = printed(rows, dx=8).encode(text="text:N")
    chart: vl.LayerChart = (lines + points + numbers).properties(height=220)
    return chart
