"""Byte-pair merges: the candidates, and how merging compresses a text."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from viz import vega_lite as vl
from viz.theme import BLUE, GRAY, ORANGE, SKY
from viz.vega_lite.lettering import printed

NEXT, GUESSED, LATER, HIDDEN = "merged next", "your guess", "later", "?"
FAINT = f"{GRAY}44"

MOST_POINTS = 400
"""Points of a curve; more could not be told apart."""


def pair_table(
    names: Sequence[str], counts: Sequence[int], *, hidden: bool, guess: int | None
) -> pd.DataFrame:
    """Return one row per pair: the table behind the bars.

    Args:
        names: Of the pairs, the most frequent first.
        counts: Occurrences, as many.
        hidden: Whether the counts are still to be guessed: then none is told, and the
            names are in alphabetical order.
        guess: Which of them the reader takes for the first, if any.

    Returns:
        Columns pair, count, text, what.

    Raises:
        ValueError: If there are not as many counts as names.
    """
    if len(names) != len(counts):
        raise ValueError(f"{len(names)} pairs but {len(counts)} counts.")
    if hidden:
        names, counts = sorted(names), [1] * len(names)
    what = [NEXT if place == 0 else LATER for place in range(len(names))]
    if guess is not None and guess > 0:
        what[guess] = GUESSED
    if hidden:
        what = [HIDDEN] * len(names)
    return pd.DataFrame(
        {
            "pair": list(names),
            "count": list(counts),
            "text": ["?" if hidden else f"{count:,}" for count in counts],
            "what": what,
        }
    )


def pair_bars(
    names: Sequence[str],
    counts: Sequence[int],
    *,
    hidden: bool = False,
    guess: int | None = None,
) -> vl.LayerChart:
    """Draw how often each pair occurs; the one merged next is highlighted.

    Args:
        names: See `pair_table`.
        counts: See `pair_table`.
        hidden: See `pair_table`.
        guess: See `pair_table`.

    Raises:
        ValueError: See `pair_table`.
    """
    table = pair_table(names, counts, hidden=hidden, guess=guess)
    rows = vl.Chart(table).encode(
        y=vl.Y("pair:N", title=None, sort=None).axis(
            labelFont="monospace", labelFontSize=13, ticks=False, domain=False
        ),
        x=vl.X("count:Q", title="occurrences")
        .scale(domainMin=0)
        .axis(labels=False, ticks=False, grid=False),
        tooltip=["pair:N", vl.Tooltip("text:N", title="times"), "what:N"],
    )
    bars = rows.mark_bar(cornerRadiusEnd=2).encode(
        color=vl.Color("what:N", legend=None).scale(
            domain=[NEXT, GUESSED, LATER, HIDDEN], range=[BLUE, ORANGE, GRAY, FAINT]
        )
    )
    numbers = printed(rows, dx=5).encode(text="text:N")
    chart: vl.LayerChart = (bars + numbers).properties(height={"step": 23})
    return chart


def compression_table(token_counts: Sequence[int]) -> pd.DataFrame:
    """Return the points of the curve: columns merges, tokens, bytes_per_token.

    Args:
        token_counts: Tokens of the text after 0, 1, 2 … merges; the first are bytes.

    Raises:
        ValueError: If there is no count, or one is not positive.
    """
    if not token_counts or min(token_counts) < 1:
        raise ValueError("A text has one token at least after any number of merges.")
    last = len(token_counts) - 1
    merges = np.unique(np.linspace(0, last, min(MOST_POINTS, last + 1)).astype(int))
    tokens = np.asarray(token_counts)[merges]
    return pd.DataFrame(
        {
            "merges": merges,
            "tokens": tokens,
            "bytes_per_token": token_counts[0] / tokens,
        }
    )


def compression_curve(token_counts: Sequence[int], merges: int) -> vl.LayerChart:
    """Draw how much text one token carries, against the merges made.

    Args:
        token_counts: See `compression_table`.
        merges: The number of merges to mark, 0 to all.

    Raises:
        ValueError: See `compression_table`.
    """
    table = compression_table(token_counts)
    here = pd.DataFrame(
        {
            "merges": [merges],
            "tokens": [token_counts[merges]],
            "bytes_per_token": [token_counts[0] / token_counts[merges]],
        }
    )
    x = vl.X("merges:Q", title="merges made").scale(nice=False)
    y = vl.Y("bytes_per_token:Q", title="bytes per token").scale(domainMin=0)
    tooltip = [
        vl.Tooltip("merges:Q", format=","),
        vl.Tooltip("tokens:Q", title="tokens of the text", format=","),
        vl.Tooltip("bytes_per_token:Q", title="bytes per token", format=".2f"),
    ]
    line = vl.Chart(table).mark_line(color=BLUE).encode(x=x, y=y, tooltip=tooltip)
    point = vl.Chart(here).encode(x=x, y=y, tooltip=tooltip)
    rule = point.mark_rule(color=GRAY, strokeDash=[4, 4])
    dot = point.mark_point(color=ORANGE, filled=True, size=110)
    chart: vl.LayerChart = (line + rule + dot).properties(height=170)
    return chart


def script_table(
    sentences: Sequence[str],
    num_bytes: Sequence[int],
    tokens: dict[str, Sequence[int]],
    unknown: dict[str, Sequence[int]],
) -> pd.DataFrame:
    """Return one row per sentence and tokenizer: the table behind the bars.

    Args:
        sentences: Their languages and scripts.
        num_bytes: Bytes of each.
        tokens: Tokenizer's name → tokens of each sentence.
        unknown: Tokenizer's name → how many of those are `<unk>`.

    Returns:
        Columns sentence, tokenizer, tokens, bytes_per_token, text.
    """
    return pd.DataFrame(
        {
            "sentence": sentence,
            "tokenizer": name,
            "tokens": count,
            "bytes_per_token": size / count,
            "text": f"{count} tokens" + (f", {lost} <unk>" if lost else ""),
        }
        for name, counts in tokens.items()
        for sentence, size, count, lost in zip(
            sentences, num_bytes, counts, unknown[name], strict=True
        )
    )


def script_bars(table: pd.DataFrame) -> vl.LayerChart:
    """Draw how many bytes of each sentence a token carries: longer is cheaper.

    Args:
        table: What `script_table` returned, of one tokenizer or two.
    """
    names = list(dict.fromkeys(table["tokenizer"]))
    rows = vl.Chart(table).encode(
        y=vl.Y("sentence:N", title=None, sort=None).axis(
            ticks=False, domain=False, labelLimit=240
        ),
        yOffset=vl.YOffset("tokenizer:N", sort=names),
        x=vl.X("bytes_per_token:Q", title="bytes per token").scale(domainMin=0),
        tooltip=[
            "sentence:N",
            "tokenizer:N",
            "tokens:Q",
            vl.Tooltip("bytes_per_token:Q", title="bytes per token", format=".2f"),
        ],
    )
    bars = rows.mark_bar(cornerRadiusEnd=2).encode(
        color=vl.Color("tokenizer:N", title=None, sort=names)
        .scale(domain=names, range=[BLUE, SKY][: len(names)])
        .legend(orient="top", labelLimit=400)
    )
    numbers = printed(rows, dx=4).encode(text="text:N")
    chart: vl.LayerChart = (bars + numbers).properties(height={"step": 15})
    return chart
