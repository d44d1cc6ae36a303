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
    "attention_steps",
    "stepping",
    "number_table",
    "attention_rows",
    "attention_sheet",
    "attention_motion",
    "attention_bench",
)

ROWS = ("k", "turned", "raw", "scaled", "bent", "bias", "scores", "pattern", "v")
"""The sheet's rows, each one step; `turned`, `bent` and `bias` only where the head has
them."""

SCORE_ROWS = ("raw", "scaled", "bent", "bias", "biased", "scores", "pattern")


class ProjectionShown(Protocol):
    """One number of the query: a row of W_Q, [d_model], times x."""

    dimension: int
    row: Array
    bias: float
    value: float
    normalized: bool


class HeadSteps(Protocol):
    """What is shown: arrays over keys [k_pos], over dimensions [d_head], or both."""

    query: int
    x: Array
    projection: ProjectionShown
    plain_q: Array
    plain_k: Array
    q: Array
    k: Array
    v: Array
    raw: Array
    scaled: Array
    softcap: float | None
    bent: Array | None
    bias: Array | None
    biased: Array | None
    scores: Array
    pattern: Array
    z: Array
    turned: bool


@dataclass(frozen=True)
class RowEdit:
    """What the reader changed in a row, and the weights of it before and after."""

    before: Array
    """The softmax without any change, [k_pos]."""
    divisor: float | None = None
    """What q · k is divided by in place of √d; 1 leaves the step out."""
    left_out: Collection[str] = ()
    """Rows whose step is left out."""
    weight: tuple[int, float] | None = None
    """A key's position and the weight it was given."""
    pattern: Array | None = None
    """The row with this weight, [k_pos]."""
    z: Array | None = None
    """What the head then carries, [d_head]."""


@dataclass(frozen=True)
class AttentionSheet:
    """One query's numbers, and what the reader changed in them.

    Raises:
        ValueError: If the arrays do not have one entry per piece.
    """

    pieces: Sequence[str]
    """Token texts, one per position."""
    steps: HeadSteps
    """The numbers, such as `minigpt.interpret.heads.attention_steps` returns: where a
    step is left out, those without it."""
    edit: RowEdit | None = None
    """What was changed; a weight that was set stands in a row below the softmax."""

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
            **_packed_steps(self.steps),
            **_packed_edit(self.edit),
        }


@dataclass(frozen=True)
class SheetListeners:
    """What is called when the reader does something on the sheet."""

    opened: Callable[[tuple[str, int] | None], None] = lambda *_: None
    """Called with a row's name and a key's position, or None when closed."""
    asked: Callable[[int], None] = lambda *_: None
    """Called with the position of the new query."""
    weighed: Callable[[int, float], None] = lambda *_: None
    """Called with a key's position and its new weight, 0–1."""
    divided: Callable[[float], None] = lambda *_: None
    """Called with what q · k is to be divided by, from 1 to √d."""


NOBODY = SheetListeners()


def attention_steps(
    sheet: AttentionSheet,
    opened: tuple[str, int] | None = None,
    *,
    key: str,
    tell: SheetListeners = NOBODY,
) -> None:
    """Show how one query's weights are computed: tokens as columns, steps as rows.

    Next and Back (or Space and Shift+Space) go from step to step; pointing at a column
    shows its arithmetic below the sheet, a click keeps it open, Esc closes it. A click
    on a token above the sheet makes it the query. At ÷ √d a slider moves the divisor,
    and all rows below follow; at the softmax one sets a weight, and the row is
    renormalised while it moves.

    Args:
        sheet: What to show.
        opened: A row of `ROWS` and a key's position.
        key: The view's name on this page.
        tell: Who hears of what the reader does.

    Raises:
        ValueError: If `opened` lies outside the sheet.
    """
    fits = inside(len(ROWS), len(sheet.pieces))

    def open_(place: tuple[int, int] | None) -> None:
        tell.opened(None if place is None else (ROWS[place[0]], place[1]))

    def ask() -> None:
        position = sent(key, "asked", read_position)
        if position is not None and fits((0, position)):
            tell.asked(position)

    def weigh() -> None:
        weighed = sent(key, "weighed", read_weight)
        if weighed is not None and fits((0, weighed[0])):
            tell.weighed(*weighed)

    def divide() -> None:
        divisor = sent(key, "divided", read_divisor)
        if divisor is not None:
            tell.divided(divisor)

    place = None if opened is None else (ROWS.index(opened[0]), opened[1])
    chosen = current_choice(key, place, fits)
    _mount(
        key=key,
        data={**sheet.packed(), "opened": None if chosen is None else list(chosen)},
        on_picked_change=listener(key, read_pair, fits, open_),
        on_asked_change=ask,
        on_weighed_change=weigh,
        on_divided_change=divide,
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
        "softcap": steps.softcap,
        "projection": {
            "dimension": steps.projection.dimension,
            "row": pack_floats(steps.projection.row),
            "bias": steps.projection.bias,
            "value": steps.projection.value,
            "normalized": steps.projection.normalized,
        },
        **{
            name: None if array is None else pack_floats(array)
            for name, array in arrays.items()
        },
    }


def _packed_edit(edit: RowEdit | None) -> dict[str, Any]:
    if edit is None:
        return {"leftOut": [], "before": None, "divisor": None, "weighed": None}
    weighed = None
    if edit.weight is not None and edit.pattern is not None and edit.z is not None:
        weighed = {
            "key": edit.weight[0],
            "weight": edit.weight[1],
            "pattern": pack_floats(edit.pattern),
            "z": pack_floats(edit.z),
        }
    return {
        "leftOut": sorted(edit.left_out),
        "before": pack_floats(edit.before),
        "divisor": edit.divisor,
        "weighed": weighed,
    }


def read_divisor(value: object) -> float:
    """Read a divisor out of a browser's message."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"A divisor is a number, not {value!r}.")
    if not 1 <= value < 1e6:
        raise ValueError(f"A divisor is at least 1, not {value}.")
    return float(value)


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
