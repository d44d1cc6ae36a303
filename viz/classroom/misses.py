"""Which questions a class misses most, the first time."""

from collections.abc import Sequence

import pandas as pd

from viz import vega_lite as vl
from viz.theme import ORANGE
from viz.vega_lite.lettering import printed


def miss_table(
    names: Sequence[str], tried: Sequence[int], missed: Sequence[int]
) -> pd.DataFrame:
    """Return one row per kind of question: the table behind the bars.

    Args:
        names: What each kind is called, the one on top first.
        tried: How many learners have answered it.
        missed: How many of them were wrong.

    Returns:
        Columns question, missed (percent), text.

    Raises:
        ValueError: If the lengths differ, or nobody has tried.
    """
    if not len(names) == len(tried) == len(missed) or 0 in tried:
        raise ValueError(
            f"{len(names)} names, tried {list(tried)}, missed {list(missed)}: there "
            "must be as many of each, and every kind tried by somebody."
        )
    return pd.DataFrame(
        {
            "question": names,
            "missed": [
                100 * few / all_ for few, all_ in zip(missed, tried, strict=True)
            ],
            "text": [
                f"{few} of {all_}" for few, all_ in zip(missed, tried, strict=True)
            ],
        }
    )


def miss_bars(table: pd.DataFrame) -> vl.LayerChart:
    """Draw what share of those who tried have missed each kind.

    Args:
        table: What `miss_table` returned.
    """
    rows = vl.Chart(table).encode(
        y=vl.Y("question:N", title=None, sort=list(table["question"])).axis(
            ticks=False, domain=False, labelLimit=300
        ),
        x=vl.X("missed:Q", title="missed on the first try, %")
        .scale(domain=[0, 115])
        .axis(values=[0, 25, 50, 75, 100]),
        tooltip=["question:N", "text:N"],
    )
    bars = rows.mark_bar(cornerRadiusEnd=2, color=ORANGE)
    numbers = printed(rows, dx=4).encode(text="text:N")
    chart: vl.LayerChart = (bars + numbers).properties(height={"step": 24})
    return chart
