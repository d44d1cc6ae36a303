"""The whole model on one sheet: each token's road, and what every part adds to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
import pandas as pd

from viz.attention import Array
from viz.components.shared.mounting import listener, register
from viz.probabilities import probability_text
from viz.tokens import display_pieces, placed_pieces

MOST_ROWS = 64
"""Roads sent to the browser at most; about a dozen are visible at once."""

LEAST_WEIGHT = 0.05
"""Attention weights below this are not drawn."""

_mount = register("journey", "journey_layout", "journey_drawing")


class JourneyStage(Protocol):
    """A part that writes to every road, as `journey` of `minigpt` gives it."""

    @property
    def kind(self) -> str:
        """Of `embedding`, `attention`, `MLP`, `blocks`."""

    @property
    def layers(self) -> tuple[int, int]:
        """First and last block."""

    @property
    def added_name(self) -> str:
        """Hook of what is added."""

    @property
    def stream_name(self) -> str:
        """Hook of the road afterwards."""

    @property
    def added(self) -> Array:
        """Norm of what is added, [pos]."""

    @property
    def stream(self) -> Array:
        """Norm of the road afterwards, [pos]."""

    @property
    def attention(self) -> Array | None:
        """Mean weights, [q_pos k_pos]."""


class JourneyClick(NamedTuple):
    """What was clicked, and which one."""

    what: Literal["token", "stage", "append"]
    value: int
    """Position of a token, number of a stage, or id of a next token."""


@dataclass(frozen=True)
class JourneySheet:
    """The numbers of a prompt's journey through a model.

    Raises:
        ValueError: If the lengths differ.
    """

    pieces: Sequence[str]
    """Token texts, one per position."""
    stages: Sequence[JourneyStage]
    """In the order of the model."""
    d_model: int
    """Width of the stream, in numbers."""
    expected: Sequence[Sequence[str]]
    """[pos rank]; texts of the likeliest next tokens after each position."""
    probabilities: Array
    """[pos rank], 0–1."""
    next_ids: Sequence[int]
    """Ids of the last position's likeliest next tokens, to append."""

    def __post_init__(self) -> None:
        """Check that every position has its expected tokens."""
        for name in ("expected", "probabilities"):
            if (given := len(getattr(self, name))) != len(self.pieces):
                raise ValueError(
                    f"{len(self.pieces)} pieces, but {name} for {given} positions."
                )

    def packed(self, rows: slice) -> dict[str, object]:
        """Return what the browser draws of these positions."""
        return {
            "pieces": display_pieces(self.pieces[rows]),
            "first": rows.start,
            "count": len(self.pieces),
            "width": self.d_model,
            "stages": [_packed(stage, rows) for stage in self.stages],
            "expected": display_pieces([row[0] for row in self.expected[rows]]),
            "likely": [probability_text(row[0]) for row in self.probabilities[rows]],
            "next": _choices(self.expected[-1], self.next_ids, self.probabilities[-1]),
        }


def journey(
    sheet: JourneySheet,
    *,
    key: str,
    selected: int,
    nudges: int = 0,
    on_click: Callable[[JourneyClick], None] | None = None,
) -> None:
    """Draw every token's road from its embedding, left, to what comes next, right.

    A road's thickness grows with the stream's norm at that hook (its square root), a
    branch's with the norm of what is added there. Lines into a branch are attention:
    from which roads it reads. Space goes from hook to hook, Esc shows everything again.

    Args:
        sheet: What to draw.
        key: The view's name on this page.
        selected: Position whose numbers are printed.
        nudges: How often Space was pressed elsewhere on the page.
        on_click: Called on a click, before the page runs again.

    Raises:
        ValueError: If `selected` lies outside.
    """
    count = len(sheet.pieces)
    if not 0 <= selected < count:
        raise ValueError(f"There is no token {selected} among {count}.")
    first = max(0, min(count - MOST_ROWS, selected))
    limits = {"token": count, "stage": len(sheet.stages)}

    def fits(click: JourneyClick) -> bool:
        if click.what == "append":
            return click.value in sheet.next_ids
        return 0 <= click.value < limits[click.what]

    def clicked(click: JourneyClick | None) -> None:
        if click is not None and on_click is not None:
            on_click(click)

    _mount(
        key=key,
        data={
            **sheet.packed(slice(first, first + MOST_ROWS)),
            "selected": selected,
            "nudges": nudges,
        },
        on_picked_change=listener(key, _read_click, fits, clicked),
    )


def norm_table(pieces: Sequence[str], stages: Sequence[JourneyStage]) -> pd.DataFrame:
    """Return the norms behind the figure: one row per hook, one column per token."""
    columns = placed_pieces(pieces)
    rows = [
        {"hook": name, **dict(zip(columns, np.asarray(norms, float), strict=True))}
        for stage in stages
        for name, norms in (
            (stage.added_name, stage.added),
            (stage.stream_name, stage.stream),
        )
    ]
    return pd.DataFrame(rows)


def _choices(
    pieces: Sequence[str], ids: Sequence[int], probabilities: Array
) -> list[dict[str, object]]:
    """Pack the next tokens that can be appended, likeliest first."""
    return [
        {
            "piece": piece,
            "token": int(token),
            "share": float(share),
            "text": probability_text(share),
        }
        for piece, token, share in zip(
            display_pieces(pieces), ids, probabilities, strict=True
        )
    ]


def _packed(stage: JourneyStage, rows: slice) -> dict[str, object]:
    return {
        "kind": stage.kind,
        "layers": list(stage.layers),
        "addedName": stage.added_name,
        "streamName": stage.stream_name,
        "added": _rounded(stage.added[rows]),
        "stream": _rounded(stage.stream[rows]),
        "reads": [] if stage.attention is None else _reads(stage.attention[rows, rows]),
    }


def _rounded(norms: Array) -> list[float]:
    """Keep five digits: more than are shown."""
    return [float(f"{norm:.5g}") for norm in norms.tolist()]


def _reads(weights: Array) -> list[list[float]]:
    """List what is strong enough to draw: query, key, weight."""
    strong = np.argwhere(np.asarray(weights, np.float64) >= LEAST_WEIGHT)
    return [
        [int(query), int(key), round(float(weights[query, key]), 4)]
        for query, key in strong
    ]


def _read_click(value: object) -> JourneyClick:
    """Read a click out of a browser's message."""
    if not isinstance(value, list) or len(value) != 2:
        raise TypeError(f"A click is a pair, not {value!r}.")
    what, number = value
    if what not in ("token", "stage", "append"):
        raise ValueError(f"{what!r} cannot be clicked.")
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"What was clicked has a number, not {number!r}.")
    return JourneyClick(what, number)
