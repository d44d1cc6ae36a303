"""Every head's attention on one text, and one head close."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import traitlets

from minigpt.errors import DataError
from minigpt.notebook import pictures
from minigpt.notebook.inputs import Patterns, attention_of, require_inside
from minigpt.notebook.widget import Figure

THUMBNAIL = 64
"""Cells along a thumbnail's side, at most."""

MOST_CELLS = 600_000
"""Cells of all thumbnails together: of many heads each gets fewer."""

MASKED_CELL = 65535
"""Marks, among thousandths, a cell that the query may not read."""


class Heads(Figure):
    """A grid of all heads, and the chosen head's pattern.

    `head` and `cell` are what is chosen, by the reader or by Python: `widget.head =
    (1, 2)` moves the picture, and `widget.observe(function, "head")` follows it.
    """

    figure = "heads"
    mounted = ("head_grid", "attention_heatmap")

    head = traitlets.Tuple(traitlets.Int(), traitlets.Int()).tag(sync=True)
    """The chosen layer and head."""
    cell = traitlets.Tuple(
        traitlets.Int(), traitlets.Int(), default_value=None, allow_none=True
    ).tag(sync=True)
    """The locked query and key position, or None."""
    pieces = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    """The tokens' texts."""
    grid = traitlets.Dict(read_only=True).tag(sync=True)
    """The thumbnails, as the app's view `head_grid` takes them."""
    map = traitlets.Dict(read_only=True).tag(sync=True)
    """The chosen head's weights in thousandths, for `attention_heatmap`."""

    def __init__(self, pieces: list[str], patterns: Patterns, **chosen: Any) -> None:
        self.patterns = patterns
        """All weights, [layer head q_pos k_pos]."""
        scores = chosen.pop("scores", None)
        name = chosen.pop("score_name", "score")
        self.set_trait("pieces", pieces)
        self.set_trait("grid", _thumbnails(patterns) | _bars(patterns, scores, name))
        super().__init__(**chosen)
        self._draw_map()

    @property
    def pattern(self) -> npt.NDArray[np.float32]:
        """The chosen head's weights, [q_pos k_pos]."""
        layer, head = self.head
        return self.patterns[layer, head]

    @property
    def weight(self) -> float | None:
        """The locked cell's weight, or None."""
        return None if self.cell is None else float(self.pattern[self.cell])

    @traitlets.validate("head")
    def _check_head(self, proposal: Any) -> tuple[int, int]:
        return require_inside("head", proposal["value"], self.patterns.shape[:2])

    @traitlets.validate("cell")
    def _check_cell(self, proposal: Any) -> tuple[int, int] | None:
        cell = proposal["value"]
        return cell and require_inside("cell", cell, self.patterns.shape[2:])

    @traitlets.observe("head")
    def _draw_map(self, _: Any = None) -> None:
        thousandths = np.rint(1000 * self.pattern).astype("<u2")
        if self.grid["causal"]:
            later = np.triu(np.ones(thousandths.shape, dtype=bool), k=1)
            thousandths[later] = MASKED_CELL
        drawn = {"head": list(self.head), "weights": _packed(thousandths)}
        self.set_trait("map", drawn)

    def summary(self) -> str:
        """Say in one line what is shown."""
        layers, heads, length, _ = self.patterns.shape
        chosen = f"L{self.head[0]}H{self.head[1]}"
        return f"{layers} × {heads} heads on {length} tokens; {chosen} is chosen."

    def picture(self) -> str:
        """Draw all heads and the chosen one without a script."""
        return pictures.heads(self.patterns, self.pieces, self.head)


def heads(
    source: Any,
    text: str | Sequence[str],
    *,
    head: tuple[int, int] = (0, 0),
    scores: npt.ArrayLike | None = None,
    score_name: str = "score",
) -> Heads:
    """Show every head's attention on a text: a click chooses a head, another a cell.

    Args:
        source: What `minigpt.load` returns; or patterns recorded elsewhere, in a cache
            that answers `cache["pattern", layer]` or a list of tensors
            [1 head q_pos k_pos].
        text: The text; of recorded patterns, its tokens as strings.
        head: The layer and head to begin with.
        scores: A score 0–1 of each head, drawn as a bar under it, [layer head].
        score_name: What the scores measure.

    Raises:
        DataError: If the source holds no patterns of this text.
    """
    pieces, patterns = attention_of(source, text)
    options = {"scores": scores, "score_name": score_name}
    return Heads(pieces, patterns, head=head, **options)


def _thumbnails(patterns: Patterns) -> dict[str, Any]:
    layers, heads = patterns.shape[:2]
    side = min(THUMBNAIL, max(8, int((2 * MOST_CELLS / (layers * heads)) ** 0.5)))
    small = np.rint(255 * pictures.pooled(patterns, side)).astype(np.uint8)
    causal = not np.triu(patterns, k=1).any() and patterns.shape[-1] > 1
    if causal:
        rows, columns = np.tril_indices(small.shape[-1])
        weights = _packed(small[..., rows, columns])
    else:
        weights = _packed(small)
    return {
        "layers": layers,
        "heads": heads,
        "side": small.shape[-1],
        "causal": bool(causal),
        "weights": weights,
    }


def _bars(patterns: Patterns, scores: Any, name: str) -> dict[str, Any]:
    bars = {"scoreName": name, "limit": 1, "low": None, "high": None}
    if scores is None:
        return {"scores": None, **bars}
    values = np.asarray(scores, dtype=np.float64)
    if values.shape != patterns.shape[:2]:
        raise DataError(
            f"Scores of the heads are [layer head], {list(patterns.shape[:2])}, but "
            f"these have shape {list(values.shape)}."
        )
    rows = [[float(v) if np.isfinite(v) else None for v in row] for row in values]
    return {"scores": rows, **bars}


def _packed(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")
