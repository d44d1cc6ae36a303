"""How many of a class chose each answer, before and after they talked about it."""

from collections.abc import Sequence

import pandas as pd

import viz.vega_lite as vl
from viz.theme import BLUE, GRAY
from viz.vega_lite.lettering import printed

LETTERS = "ABCDEFGH"
FIRST, SECOND = "first answers", "second answers"
_LONGEST = 40


def vote_table(
    options: Sequence[str], counts: Sequence[Sequence[int]], right: int | None = None
) -> pd.DataFrame:
    """Return one row per option and round: the table behind the bars.

    Args:
        options: What could be answered, at most eight.
        counts: How many chose each option, [round option]: one round or two.
        right: The right option, once it is revealed.

    Returns:
        Columns option, round, answers, text.

    Raises:
        ValueError: If there are not as many counts as options.
    """
    if any(len(row) != len(options) for row in counts):
        raise ValueError(
            f"{len(options)} options and {[len(row) for row in counts]} counts: there "
            "must be as many of each."
        )
    names = [
        _name(number, option, is_right=number == right)
        for number, option in enumerate(options)
    ]
    return pd.DataFrame(
        {"option": name, "round": word, "answers": count, "text": str(count)}
        for place, name in enumerate(names)
        for word, row in zip((FIRST, SECOND), counts, strict=False)
        for count in (row[place],)
    )


def vote_bars(table: pd.DataFrame) -> vl.LayerChart:
    """Draw the answers: the last round full, the one before faint.

    Args:
        table: What `vote_table` returned.
    """
    rounds = [word for word in (FIRST, SECOND) if (table["round"] == word).any()]
    most = max(1, int(table["answers"].max()))
    rows = vl.Chart(table).encode(
        # By its letter: as they come, a mark on one would put it last on the screen.
        y=vl.Y("option:N", title=None, sort="ascending").axis(
            ticks=False, domain=False, labelLimit=420, labelFontSize=14
        ),
        yOffset=vl.YOffset("round:N", sort=rounds),
        x=vl.X("answers:Q", title="learners")
        .scale(domain=[0, most * 1.1])
        .axis(tickMinStep=1, format="d"),
        tooltip=["option:N", "round:N", "answers:Q"],
    )
    bars = rows.mark_bar(cornerRadiusEnd=2).encode(
        color=vl.Color("round:N", title=None, sort=rounds)
        .scale(domain=rounds, range=[GRAY, BLUE][-len(rounds) :])
        .legend(orient="top")
    )
    numbers = printed(rows, dx=4).encode(text="text:N")
    chart: vl.LayerChart = (bars + numbers).properties(height={"step": 24})
    return chart


def _name(number: int, option: str, *, is_right: bool) -> str:
    short = option if len(option) <= _LONGEST else f"{option[: _LONGEST - 1]}…"
    return f"{LETTERS[number]}  {short}{'  ✓' if is_right else ''}"
