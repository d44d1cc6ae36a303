"""The whole model on one sheet: each token's road, and what every part adds to it."""

from typing import Any

import numpy as np
import traitlets

from minigpt.errors import DataError
from minigpt.interpret.reading.prompt import append_token
from minigpt.interpret.stream.journey import JourneyStage
from minigpt.interpret.stream.journey import journey as follow
from minigpt.model import TransformerLM
from minigpt.notebook import pictures
from minigpt.notebook.inputs import read_text
from minigpt.notebook.widget import Figure
from minigpt.tokenizers.base import Tokenizer

MOST_ROWS = 64
"""Roads that are drawn at most; of a longer text, those from `token` on."""

LEAST_WEIGHT = 0.05
"""Attention weights below this are not drawn."""


class Journey(Figure):
    """A road for each token, from its embedding to what comes next.

    `text`, `token` and `stage` are what is chosen, by the reader or by Python. A click
    on a likely next token appends it, and the model reads again.
    """

    figure = "journey"
    mounted = ("journey",)

    text = traitlets.Unicode().tag(sync=True)
    """What the model reads."""
    token = traitlets.Int().tag(sync=True)
    """The position whose numbers are printed on its road."""
    stage = traitlets.Int(None, allow_none=True).tag(sync=True)
    """The chosen part's place among `stages`, or None."""
    sheet = traitlets.Dict(read_only=True).tag(sync=True)
    """The roads, for the app's view `journey`."""

    def __init__(self, model: TransformerLM, tokenizer: Tokenizer, text: str) -> None:
        self._model, self._tokenizer = model, tokenizer
        super().__init__(text=text)
        self.on_msg(self._hear)

    @property
    def stages(self) -> list[JourneyStage]:
        """The model's parts in order: norms of what each adds, and of the stream."""
        return self.journey.stages

    @property
    def next(self) -> list[tuple[str, float]]:
        """The likeliest tokens after the chosen one, each with its probability."""
        ids = self.journey.expected[self.token].tolist()
        shares = self.journey.probabilities[self.token].tolist()
        return list(zip(self._tokenizer.pieces(ids), shares, strict=True))

    def append(self, token: int) -> None:
        """Write one more token, and follow the text with it.

        Args:
            token: Its id.

        Raises:
            DataError: If the text is then longer than the model reads.
        """
        self.text = append_token(self._tokenizer, self.text, token)

    @traitlets.validate("text")
    def _check_text(self, proposal: Any) -> str:
        text: str = proposal["value"]
        read_text((self._model, self._tokenizer), text)
        return text

    @traitlets.validate("token")
    def _check_token(self, proposal: Any) -> int:
        token, last = proposal["value"], len(self.pieces) - 1
        if not 0 <= token <= last:
            raise DataError(f"token {token} lies outside: the text has 0 to {last}.")
        return int(token)

    @traitlets.validate("stage")
    def _check_stage(self, proposal: Any) -> int | None:
        stage, last = proposal["value"], len(self.stages) - 1
        if stage is not None and not 0 <= stage <= last:
            raise DataError(f"stage {stage} lies outside: the model has 0 to {last}.")
        return None if stage is None else int(stage)

    @traitlets.observe("text")
    def _read(self, _: Any) -> None:
        tokens = self._tokenizer.encode(self.text)
        self.pieces = self._tokenizer.pieces(tokens)
        self.journey = follow(self._model, tokens)
        with self.hold_sync():  # They belong together.
            self.set_trait("sheet", {})  # Another text's rows must not stay.
            self.token = len(tokens) - 1
            self._draw()

    @traitlets.observe("token")
    def _draw(self, _: Any = None) -> None:
        first = max(0, min(len(self.pieces) - MOST_ROWS, self.token))
        if self.sheet.get("first") != first:
            self.set_trait("sheet", self._packed(slice(first, first + MOST_ROWS)))

    def _hear(self, _: Any, content: Any, __: Any) -> None:
        """Append the token that the reader clicked."""
        if isinstance(content, dict) and "append" in content:
            offered = self.journey.expected[-1].tolist()
            self.append(offered[offered.index(content["append"])])

    def _packed(self, rows: slice) -> dict[str, Any]:
        found = self.journey
        likeliest = self._tokenizer.pieces(found.expected[:, 0].tolist())
        ids = found.expected[-1].tolist()
        choices = zip(
            ids,
            self._tokenizer.pieces(ids),
            found.probabilities[-1].tolist(),
            strict=True,
        )
        return {
            "pieces": self.pieces[rows],
            "first": rows.start,
            "count": len(self.pieces),
            "width": found.d_model,
            "stages": [_packed(stage, rows) for stage in found.stages],
            "expected": likeliest[rows],
            "likely": found.probabilities[rows, 0].tolist(),
            "next": [{"token": t, "piece": p, "share": s} for t, p, s in choices],
        }

    def summary(self) -> str:
        """Say in one line what is shown."""
        (text, probability), *_ = self.next
        return (
            f"{len(self.pieces)} tokens pass {len(self.stages)} parts; after "
            f"{self.pieces[self.token]!r}, {text!r} is likeliest, with "
            f"{probability:.3f}."
        )

    def picture(self) -> str:
        """Draw the streams' norms as a table without a script."""
        cells = [
            [(f"{norm:.3g}", norm / most) for norm in stage.stream.tolist()]
            for stage in self.stages
            if (most := float(stage.stream.max()) or 1.0)
        ]
        names = [stage.stream_name for stage in self.stages] + ["next"]
        best = self._tokenizer.pieces(self.journey.expected[:, 0].tolist())
        shares = self.journey.probabilities[:, 0].tolist()
        cells.append(list(zip(best, shares, strict=True)))
        return pictures.table(names, self.pieces, cells, corner="norm after")


def journey(source: Any, text: str) -> Journey:
    """Show every token's road through a model, and what each part adds to it.

    Space goes from hook to hook; a click on a token prints its numbers, one on a
    heading chooses a part, one on a next token appends it.

    Args:
        source: What `minigpt.load` returns; a transformer. What comes next is computed
            from its weights, so that recorded activations do not suffice.
        text: What it reads.

    Raises:
        DataError: If the model cannot read this text, or is no transformer.
    """
    model, tokenizer, _ = read_text(source, text)
    return Journey(model, tokenizer, text)


def _packed(stage: JourneyStage, rows: slice) -> dict[str, Any]:
    reads: list[list[float]] = []
    if stage.attention is not None:
        weights = stage.attention[rows, rows]
        strong = np.argwhere(weights >= LEAST_WEIGHT).tolist()
        reads = [[query, key, float(weights[query, key])] for query, key in strong]
    return {
        "kind": stage.kind,
        "layers": list(stage.layers),
        "addedName": stage.added_name,
        "streamName": stage.stream_name,
        "added": stage.added[rows].tolist(),
        "stream": stage.stream[rows].tolist(),
        "reads": reads,
    }
