"""The logit lens on one text: what the model would say after each of its parts."""

from typing import Any

import traitlets

from minigpt.interpret.stream.logit_lens import Lens, logit_lens
from minigpt.notebook import pictures
from minigpt.notebook.inputs import read_text, require_inside
from minigpt.notebook.widget import Figure

LIKELIEST = 8
"""How many tokens are kept for each cell."""


class LensTable(Figure):
    """A table of the likeliest next token, and one cell's distribution.

    `place` is the chosen cell, by the reader or by Python; `top` says what is in it.
    """

    figure = "lens"

    place = traitlets.Tuple(traitlets.Int(), traitlets.Int()).tag(sync=True)
    """The chosen point of the stream and position in the text."""
    table = traitlets.Dict(read_only=True).tag(sync=True)
    """Points, pieces, and each cell's likeliest tokens with their probabilities."""

    def __init__(self, lens: Lens, pieces: list[str], names: dict[int, str]) -> None:
        self.lens = lens
        """The numbers: ids and probabilities, entropy, and KL to the output."""
        top = [[[names[t] for t in c] for c in row] for row in lens.top_tokens.tolist()]
        points = [point.name for point in lens.points]
        drawn = {"points": points, "pieces": pieces, "top": top}
        drawn["probabilities"] = lens.top_probabilities.tolist()
        self.set_trait("table", drawn)
        super().__init__(place=(len(points) - 1, len(pieces) - 1))

    @property
    def top(self) -> list[tuple[str, float]]:
        """The chosen cell's likeliest tokens, each with its probability."""
        row, column = self.place
        texts = self.table["top"][row][column]
        return list(zip(texts, self.table["probabilities"][row][column], strict=True))

    @traitlets.validate("place")
    def _check_place(self, proposal: Any) -> tuple[int, int]:
        size = (len(self.table["points"]), len(self.table["pieces"]))
        return require_inside("place", proposal["value"], size)

    def summary(self) -> str:
        """Say in one line what is shown."""
        (text, probability), *_ = self.top
        point = self.table["points"][self.place[0]]
        return f"At {point}, {text!r} is likeliest next, with {probability:.3f}."

    def picture(self) -> str:
        """Draw the table without a script."""
        best = [
            [(texts[0], shares[0]) for texts, shares in zip(*rows, strict=True)]
            for rows in zip(self.table["top"], self.table["probabilities"], strict=True)
        ]
        return pictures.table(self.table["points"], self.table["pieces"], best)


def lens(source: Any, text: str) -> LensTable:
    """Show what a model would say after each of its parts, at every token of a text.

    Args:
        source: What `minigpt.load` returns; a transformer.
        text: What it reads.

    Raises:
        DataError: If the model cannot read this text, or is no transformer.
    """
    model, tokenizer, reading = read_text(source, text)
    found = logit_lens(model, reading.tokens, LIKELIEST)
    names = {
        int(token): tokenizer.piece(int(token)) for token in set(found.top_tokens.flat)
    }
    return LensTable(found, reading.pieces, names)
