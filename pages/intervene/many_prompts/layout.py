"""How the numbers of a measure lie in a map: which cell stands where, and its name."""

from collections.abc import Sequence
from typing import NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.interventions.patching import CARRIED
from minigpt.interpret.pairs.alignment import Pair
from minigpt.interpret.pairs.measures import ATTRIBUTION, parts_of
from viz.effects import paired_pieces
from viz.pairs.means import place_names

Cell = tuple[int, int]
"""Row and column of a measure's numbers."""


class Layout(NamedTuple):
    """The map of one measure."""

    cells: list[list[Cell]]
    """Which number stands in each row and column of the map."""
    names: dict[Cell, str]
    """Of all numbers, those that the map has no room for among them."""
    rows: list[str]
    columns: list[str]
    titles: tuple[str, str]
    """What the rows are, and what the columns are."""

    def named(self) -> list[list[str]]:
        """Return the name of each place of the map."""
        return [[self.names[cell] for cell in row] for row in self.cells]


def layout_of(checkpoint: Checkpoint, measure: str, pairs: Sequence[Pair]) -> Layout:
    """Lay out the numbers of a measure that has a map.

    Args:
        checkpoint: The chosen model.
        measure: One of `measures.MEASURES`, but for the lens.
        pairs: Those that are averaged.
    """
    if measure == ATTRIBUTION:
        return _of_parts(checkpoint, pairs[0])
    if CARRIED[measure].places == "head":
        return _of_heads(checkpoint, measure)
    return _of_tokens(checkpoint, pairs)


def _of_parts(checkpoint: Checkpoint, pair: Pair) -> Layout:
    """A row for each layer: its heads, its attention's bias and its MLP."""
    parts = parts_of(checkpoint.model, pair)
    layers = range(checkpoint.model.config.num_layers)
    cells = [
        [(0, place) for place, part in enumerate(parts) if part.layer == layer]
        for layer in layers
    ]
    first = [parts[place].name for _, place in cells[0]]
    return Layout(
        cells=cells,
        names={(0, place): part.name for place, part in enumerate(parts)},
        rows=[f"L{layer}" for layer in layers],
        columns=[name.removeprefix("L0").strip() for name in first],
        titles=("layer", "part"),
    )


def _of_heads(checkpoint: Checkpoint, measure: str) -> Layout:
    """A row for each layer, a column for each head."""
    config = checkpoint.model.config
    layers, heads = config.num_layers, config.num_heads
    if measure == "values":  # several heads may share them
        heads = config.kv_heads
    cells = [[(layer, head) for head in range(heads)] for layer in range(layers)]
    return Layout(
        cells=cells,
        names={cell: "L{}H{}".format(*cell) for row in cells for cell in row},
        rows=[f"L{layer}" for layer in range(layers)],
        columns=[f"H{head}" for head in range(heads)],
        titles=("layer", "head"),
    )


def _of_tokens(checkpoint: Checkpoint, pairs: Sequence[Pair]) -> Layout:
    """A row for each token, so that long prompts read downwards."""
    pieces = checkpoint.tokenizer.pieces
    texts = [
        pieces(list(text))
        for pair in pairs
        for text in (pair.prompts.other, pair.prompts.run)
    ]
    names = paired_pieces(*texts) if len(texts) == 2 else place_names(texts)
    layers = range(checkpoint.model.config.num_layers)
    cells = [[(layer, place) for layer in layers] for place in range(len(names))]
    return Layout(
        cells=cells,
        names={
            cell: f"L{cell[0]} at {names[cell[1]]}" for row in cells for cell in row
        },
        rows=names,
        columns=[f"L{layer}" for layer in layers],
        titles=("token", "layer"),
    )
