"""Vectors as rows of coloured cells, and the way into each of them and back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from viz.attention import Array, pack_floats
from viz.components.shared.mounting import read_pair, register, sent
from viz.probabilities import probability_text
from viz.tokens import display_pieces

MOST_CELLS = 192
"""Numbers drawn of one vector; a wider one is cut, and says so."""

RowKind = Literal["stream", "attention", "MLP", "token", "sum"]

_mount = register("zoom", "number_table", "zoom_rows")


@dataclass(frozen=True)
class ZoomRow:
    """One vector."""

    name: str
    values: Array
    """[width]."""
    kind: RowKind = "token"
    note: str = ""
    """Printed after the cells."""
    share: float | None = None
    """0–1: an attention weight, drawn as a bar before the cells."""
    opens: bool = False
    """Whether there is something inside."""

    def packed(self) -> dict[str, object]:
        """Return what the browser draws."""
        return {
            "name": self.name,
            "values": pack_floats(self.values[:MOST_CELLS]),
            "width": len(self.values),
            "kind": self.kind,
            "note": self.note,
            "share": self.share,
            "opens": self.opens,
        }


@dataclass(frozen=True)
class ZoomLevel:
    """What is seen at one level: the whole text, the model, a block, a head, a product.

    Raises:
        ValueError: If a share is no weight, or a piece lacks its probability.
    """

    path: Sequence[str]
    """Names of the levels from the outermost to this one."""
    words: str
    """What this level shows, in one sentence or two."""
    rows: Sequence[ZoomRow]
    pieces: Sequence[str] = ()
    """Texts of the likeliest next tokens, where they belong here."""
    probabilities: Sequence[float] = ()

    def __post_init__(self) -> None:
        """Check the shares and the lengths."""
        shares = [row.share for row in self.rows if row.share is not None]
        if not all(-1e-6 <= share <= 1 + 1e-6 for share in shares):
            raise ValueError(f"A share lies in 0–1, not at {shares}.")
        if len(self.pieces) != len(self.probabilities):
            raise ValueError(
                f"{len(self.pieces)} pieces, but {len(self.probabilities)} "
                "probabilities."
            )


class ZoomMove(NamedTuple):
    """Where the reader goes: into a row, or out to a level."""

    into: bool
    place: int
    """Number of the row, or of the level in `path`."""


def zoom(
    level: ZoomLevel, *, key: str, on_move: Callable[[ZoomMove], None] | None = None
) -> None:
    """Show one level. A click or the wheel goes into a row, Esc or the wheel goes out.

    The wheel zooms only once the figure has been clicked or reached by Tab: before, it
    scrolls the page.

    Args:
        level: What to draw. Every row is shaded on its own scale, symmetric around 0.
        key: The view's name on this page.
        on_move: Called with where the reader goes, before the page runs again.
    """

    def moved() -> None:
        move = sent(key, "moved", _read_move)
        if move is None or on_move is None:
            return
        if move.into and not (
            0 <= move.place < len(level.rows) and level.rows[move.place].opens
        ):
            return
        if not move.into and not 0 <= move.place < len(level.path) - 1:
            return
        on_move(move)

    data = {
        "path": list(level.path),
        "words": level.words,
        "rows": [row.packed() for row in level.rows],
        "next": [
            {"piece": piece, "share": float(share), "text": probability_text(share)}
            for piece, share in zip(
                display_pieces(level.pieces), level.probabilities, strict=True
            )
        ],
    }
    _mount(key=key, data=data, on_moved_change=moved)


def length_note(vector: Array) -> str:
    """Say how long a vector is.

    >>> length_note(np.array([3.0, 4.0]))
    'length 5.00'
    """
    norm = float(np.linalg.norm(vector))
    return f"length {norm:.0f}" if norm >= 100 else f"length {norm:#.3g}"


def _read_move(value: object) -> ZoomMove:
    into, place = read_pair(value)
    if into not in (0, 1):
        raise ValueError(f"A reader goes in (1) or out (0), not {into}.")
    return ZoomMove(bool(into), place)
