"""One query of one head, step by step: a sheet of numbers that fills row by row."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from viz.attention import Array, pack_floats
from viz.components.shared.mounting import (
    current_choice,
    inside,
    listener,
    read_pair,
    read_position,
    register,
    sent,
)
from viz.tokens import display_pieces

_mount = register(
    "attention_steps", "stepping", "number_table", "attention_sheet", "attention_bench"
)

ROWS = ("k", "turned", "raw", "scaled", "bias", "scores", "pattern", "v")
"""The sheet's rows, each one step; `turned` and `bias` only where the head has them."""

SCORE_ROWS = ("raw", "scaled", "bias", "scores", "pattern")


class HeadSteps(Protocol):
    """What is shown: arrays over keys [k_pos], over dimensions [d_head], or both."""

    query: int
    x: Array
    plain_q: Array
    plain_k: Array
    q: Array
    k: Array
    v: Array
    raw: Array
    scaled: Array
    bias: Array | None
    scores: Array
    pattern: Array
    z: Array
    turned: bool


class EditedSteps(Protocol):
    """The row after an edit, [k_pos], and what the head then carries, [d_head]."""

    softmax: Array
    pattern: Array
    z: Array


@dataclass(frozen=True)
class AttentionSheet:
    """One query's numbers, and what an edit made of them.

    Raises:
        ValueError: If the arrays do not have one entry per piece.
    """

    pieces: Sequence[str]
    """Token texts, one per position."""
    steps: HeadSteps
    """The numbers, such as `minigpt.interpret.heads.attention_steps` returns."""
    edited: EditedSteps | None = None
    """The row after an edit, shown below the softmax."""
    left_out: Collection[str] = ()
    """Rows whose step the edit leaves out."""

    def __post_init__(self) -> None:
        """Check the lengths of the rows."""
        count = len(self.pieces)
        for name in SCORE_ROWS:
            row = getattr(self.steps, name)
            if row is not None and np.shape(row) != (count,):
                found = list(np.shape(row))
                raise ValueError(
                    f"{count} pieces need {name} of [{count}], not {found}."
                )

    def packed(self) -> dict[str, Any]:
        """Return what the browser draws."""
        return {
            "pieces": display_pieces(self.pieces),
            "rowNames": list(ROWS),
            "leftOut": sorted(self.left_out),
            **_packed_steps(self.steps),
            "edited": None if self.edited is None else _packed_edit(self.edited),
        }


def attention_steps(
    sheet: AttentionSheet,
    opened: tuple[str, int] | None = None,
    *,
    key: str,
    on_open: Callable[[tuple[str, int] | None], None] | None = None,
    on_query: Callable[[int], None] | None = None,
    on_weight: Callable[[int, float], None] | None = None,
) -> None:
    """Show how one query's weights are computed: tokens as columns, steps as rows.

    Next and Back (or Space and Shift+Space) go from step to step; pointing at a column
    shows its arithmetic below the sheet, a click keeps it open, Esc closes it. A click
    on a token above the sheet makes it the query. At the softmax, a slider sets a
    weight, and the row is renormalised while it moves.

    Args:
        sheet: What to show.
        opened: A row of `ROWS` and a key's position.
        key: The view's name on this page.
        on_open: Called with a row's name and a key's position, or None when closed.
        on_query: Called with the position of the new query.
        on_weight: Called with a key's position and its new weight, 0–1.

    Raises:
        ValueError: If `opened` lies outside the sheet.
    """
    fits = inside(len(ROWS), len(sheet.pieces))

    def open_(place: tuple[int, int] | None) -> None:
        if on_open is not None:
            on_open(None if place is None else (ROWS[place[0]], place[1]))

    def ask() -> None:
        position = sent(key, "asked", read_position)
        if position is not None and fits((0, position)) and on_query is not None:
            on_query(position)

    def weigh() -> None:
        weighed = sent(key, "weighed", read_weight)
        if weighed is not None and fits((0, weighed[0])) and on_weight is not None:
            on_weight(*weighed)

    place = None if opened is None else (ROWS.index(opened[0]), opened[1])
    chosen = current_choice(key, place, fits)
    _mount(
        key=key,
        data={**sheet.packed(), "opened": None if chosen is None else list(chosen)},
        on_picked_change=listener(key, read_pair, fits, open_),
        on_asked_change=ask,
        on_weighed_change=weigh,
    )


def _packed_steps(steps: HeadSteps) -> dict[str, Any]:
    arrays: Mapping[str, Array | None] = {
        "x": steps.x[steps.query],
        "q": steps.q,
        "k": steps.k,
        "v": steps.v,
        "z": steps.z,
        "plainQ": steps.plain_q if steps.turned else None,
        "plainK": steps.plain_k if steps.turned else None,
        **{name: getattr(steps, name) for name in SCORE_ROWS},
    }
    return {
        "query": steps.query,
        "width": len(steps.q),
        "turned": steps.turned,
        **{
            name: None if array is None else pack_floats(array)
            for name, array in arrays.items()
        },
    }


def _packed_edit(edited: EditedSteps) -> dict[str, str]:
    return {
        name: pack_floats(getattr(edited, name)) for name in ("softmax", "pattern", "z")
    }


def read_weight(value: object) -> tuple[int, float]:
    """Read a position and a weight out of a browser's message."""
    if not isinstance(value, list) or len(value) != 2:
        raise TypeError(f"A weight is a position and a number, not {value!r}.")
    position, weight = read_position(value[0]), value[1]
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise TypeError(f"A weight is a number, not {weight!r}.")
    if not 0 <= weight <= 1:
        raise ValueError(f"A weight lies in 0–1, not at {weight}.")
    return position, float(weight)
