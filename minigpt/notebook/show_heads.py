"""Every head's attention on one text, and one head close."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import traitlets

from minigpt.notebook import pictures
from minigpt.notebook.inputs import Patterns, attention_of, require_inside
from minigpt.notebook.packing import packed, score_bars, thumbnails
from minigpt.notebook.widget import Figure

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
        bars = score_bars(patterns.shape[:2], scores, name)
        self.set_trait("grid", thumbnails(patterns) | bars)
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
        drawn = {"head": list(self.head), "weights": packed(thousandths)}
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
