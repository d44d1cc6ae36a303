"""One row of one head, step by step: from a query and its keys to the prediction."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import traitlets

from minigpt.errors import DataError
from minigpt.interpret.heads.attention_editing import HeadEdit, edit_head
from minigpt.interpret.heads.attention_steps import AttentionSteps, attention_steps
from minigpt.interpret.reading.prompt import Reading
from minigpt.model import TransformerLM
from minigpt.notebook import pictures
from minigpt.notebook.inputs import read_text, require_inside
from minigpt.notebook.packing import packed_floats
from minigpt.notebook.widget import Figure
from minigpt.tokenizers.base import Tokenizer

STEPS = ("k", "turned", "raw", "scaled", "bent", "bias", "scores", "pattern", "v")
"""The sheet's rows, as the app's view `attention_steps` calls them."""

LIKELIEST = 5
"""Next tokens that are shown."""

_NEAR = 1e-6
_DRAWN = ("head", "row", "divisor", "weight", "without_mask", "without_positions")
_OVER_KEYS = ("raw", "scaled", "bent", "bias", "biased", "scores", "pattern")


class Attention(Figure):
    """A sheet with a column for each token and a row for each step of one query.

    `head` and `row` say whose numbers they are; `divisor`, `weight`, `without_mask`
    and `without_positions` what is changed in them, by the reader or by Python. The
    model then runs again, and `prediction` says what it writes next.
    """

    figure = "attention"
    mounted = ("attention_steps",)

    head = traitlets.Tuple(traitlets.Int(), traitlets.Int()).tag(sync=True)
    """The chosen layer and head."""
    row = traitlets.Int().tag(sync=True)
    """The position of the token that reads: the query."""
    cell = traitlets.Tuple(
        traitlets.Enum(STEPS), traitlets.Int(), default_value=None, allow_none=True
    ).tag(sync=True)
    """The locked cell: a step of `STEPS` and the position of a key; or None."""
    divisor = traitlets.Float(None, allow_none=True).tag(sync=True)
    """What q · k is divided by, from 1 (not at all) on; None: by √d_head."""
    weight = traitlets.Tuple(
        traitlets.Int(), traitlets.Float(), default_value=None, allow_none=True
    ).tag(sync=True)
    """A key's position and the attention weight that it is given; or None."""
    without_mask = traitlets.Bool(False).tag(sync=True)
    """Whether the head's queries read later tokens, too."""
    without_positions = traitlets.Bool(False).tag(sync=True)
    """Whether the head does without its position bias, or without turning q and k."""
    shape = traitlets.Dict(read_only=True).tag(sync=True)
    """How many layers and heads there are, and whether a head knows of positions."""
    sheet = traitlets.Dict(read_only=True).tag(sync=True)
    """The row's numbers, for the app's view `attention_steps`."""
    next = traitlets.Dict(read_only=True).tag(sync=True)
    """The likeliest next tokens, before and after the change."""

    def __init__(
        self,
        model: TransformerLM,
        tokenizer: Tokenizer,
        reading: Reading,
        **chosen: Any,
    ) -> None:
        self._model, self._tokenizer, self.reading = model, tokenizer, reading
        config = model.config
        in_the_head = config.positional_encoding in ("rope", "alibi", "relative")
        shape = {"layers": config.num_layers, "heads": config.num_heads}
        self.set_trait("shape", {**shape, "positions": in_the_head})
        super().__init__(**chosen)
        if not self.sheet:  # Nothing moved away from its default.
            self._draw()

    @property
    def steps(self) -> AttentionSteps:
        """Every step's numbers, with what was changed but for `weight`."""
        return self._edited.steps if self._is_changed else self._plain

    @property
    def weights(self) -> npt.NDArray[np.float32]:
        """The row's weights, with all that was changed, [k_pos]."""
        return self._edited.pattern

    @property
    def prediction(self) -> list[tuple[str, float, float]]:
        """The likeliest tokens after this one: text, probability before and after."""
        found = self.next
        return list(zip(found["pieces"], found["before"], found["after"], strict=True))

    @property
    def kl(self) -> float:
        """How far the change moves the prediction after this token, in nats."""
        return self._edited.here.kl

    def undo(self) -> None:
        """Take back every change."""
        self.set_trait("weight", None)
        self.divisor = None
        self.without_mask = self.without_positions = False

    @traitlets.validate("head")
    def _check_head(self, proposal: Any) -> tuple[int, int]:
        return require_inside("head", proposal["value"], self.reading.patterns.shape)

    @traitlets.validate("row")
    def _check_row(self, proposal: Any) -> int:
        return self._position("row", proposal["value"])

    @traitlets.validate("cell")
    def _check_cell(self, proposal: Any) -> tuple[str, int] | None:
        if proposal["value"] is None:
            return None
        step, key = proposal["value"]
        return step, self._position("A cell's token", key)

    @traitlets.validate("divisor")
    def _check_divisor(self, proposal: Any) -> float | None:
        divisor, root = proposal["value"], math.sqrt(self._model.config.d_head)
        if divisor is None or abs(divisor - root) < _NEAR:
            return None
        if not 1 <= divisor < root:
            raise DataError(
                f"divisor is from 1, which changes nothing in q · k, to √d_head = "
                f"{root:.4g}, not {divisor:g}."
            )
        return float(divisor)

    @traitlets.validate("weight")
    def _check_weight(self, proposal: Any) -> tuple[int, float] | None:
        if proposal["value"] is None:
            return None
        key, weight = proposal["value"]
        last = len(self.reading.tokens) - 1 if self.without_mask else self.row
        if not 0 <= key <= last:
            raise DataError(
                f"Token {self.row} reads tokens 0 to {last}: it has no weight on {key}."
            )
        if not 0 <= weight <= 1:
            raise DataError(f"A weight lies from 0 to 1, but {weight:g} was given.")
        return key, weight

    def _position(self, name: str, place: int) -> int:
        last = len(self.reading.tokens) - 1
        if not 0 <= place <= last:
            raise DataError(f"{name} {place} lies outside: the text has 0 to {last}.")
        return int(place)

    @traitlets.observe(*_DRAWN)
    def _follow(self, change: Any) -> None:
        if change["name"] in ("head", "row"):
            # They belong to the row that was left.
            self.set_trait("cell", None)
            self.set_trait("weight", None)
        elif self.weight and self.weight[0] > self.row and not self.without_mask:
            self.set_trait("weight", None)
        self._draw()

    @property
    def _edit(self) -> HeadEdit:
        return HeadEdit(
            divisor=self.divisor,
            without_positions=self.without_positions and self.shape["positions"],
            without_mask=self.without_mask,
            weight=self.weight,
        )

    @property
    def _is_changed(self) -> bool:
        return self._edit != HeadEdit()

    def _draw(self) -> None:
        """Run the model once more, and send what the pictures show."""
        tokens, (layer, head) = self.reading.tokens, self.head
        self._plain = attention_steps(self._model, tokens, layer, head, self.row)
        self._edited = edit_head(self._model, tokens, layer, head, self.row, self._edit)
        sheet = {"pieces": self.reading.pieces, "rowNames": list(STEPS)}
        sheet |= _packed_steps(self.steps) | self._packed_edit()
        effect = self._edited.here
        either = np.maximum(effect.before, effect.after)
        found = np.argsort(-either, kind="stable")[:LIKELIEST]
        ids = sorted(found.tolist(), key=lambda token: -effect.before[token])
        after = {
            "pieces": self._tokenizer.pieces(ids),
            "before": effect.before[ids].tolist(),
            "after": effect.after[ids].tolist(),
            "kl": effect.kl,
            "changed": self._is_changed,
        }
        with self.hold_sync():  # They belong together.
            self.set_trait("sheet", sheet)
            self.set_trait("next", after)

    def _packed_edit(self) -> dict[str, Any]:
        edit, weighed = self._edit, None
        positions = "turned" if self._plain.turned else "bias"
        left_out = {"scores": edit.without_mask, positions: edit.without_positions}
        if edit.weight is not None:
            key, weight = edit.weight
            pattern, z = (packed_floats(a) for a in (self.weights, self._edited.z))
            weighed = {"key": key, "weight": weight, "pattern": pattern, "z": z}
        return {
            "leftOut": sorted(row for row, is_out in left_out.items() if is_out),
            "before": packed_floats(self._plain.pattern),
            "divisor": edit.divisor,
            "weighed": weighed,
        }

    def summary(self) -> str:
        """Say in one line what is shown."""
        key = int(self.weights.argmax())
        reader, read = (self.reading.pieces[place] for place in (self.row, key))
        return (
            f"In L{self.head[0]}H{self.head[1]}, {reader!r} reads {read!r} most, with "
            f"weight {self.weights[key]:.3f}."
        )

    def picture(self) -> str:
        """Draw the row's numbers as a table without a script."""
        steps, weights = self.steps, self.weights
        rows = [("q · k", steps.raw), ("÷ √d", steps.scaled)]
        if steps.bent is not None:
            rows.append((f"within ±{steps.softcap:g}", steps.bent))
        if steps.biased is not None:
            rows.append(("+ position", steps.biased))
        rows += [("mask", steps.scores), ("weight", weights)]
        cells = [
            [(_number(value), max(0.0, float(weights[key]))) for key, value in each]
            for each in (list(enumerate(values)) for _, values in rows)
        ]
        names = [name for name, _ in rows]
        reader = f"{pictures.visible(self.reading.pieces[self.row])} reads"
        return pictures.table(names, self.reading.pieces, cells, corner=reader)


def attention(
    source: Any, text: str, *, head: tuple[int, int] = (0, 0), row: int | None = None
) -> Attention:
    """Show how one token of a text came by its attention weights, number by number.

    A click on a token makes it the one that reads, a click on a cell locks its
    arithmetic, a slider sets a weight or what q · k is divided by.

    Args:
        source: What `minigpt.load` returns; a transformer. Its weights are shown, so
            that recorded patterns do not suffice: `heads` draws those.
        text: What it reads.
        head: The layer and head.
        row: The position of the token that reads; the last one if none is given.

    Raises:
        DataError: If the model cannot read this text, or is no transformer.
    """
    model, tokenizer, reading = read_text(source, text)
    row = len(reading.tokens) - 1 if row is None else row
    return Attention(model, tokenizer, reading, head=head, row=row)


def _packed_steps(steps: AttentionSteps) -> dict[str, Any]:
    vectors = {
        "x": steps.x[steps.query],
        "q": steps.q,
        "k": steps.k,
        "v": steps.v,
        "z": steps.z,
        "plainQ": steps.plain_q if steps.turned else None,
        "plainK": steps.plain_k if steps.turned else None,
        **{name: getattr(steps, name) for name in _OVER_KEYS},
    }
    projection = vars(steps.projection)
    return {
        "query": steps.query,
        "width": len(steps.q),
        "turned": steps.turned,
        "softcap": steps.softcap,
        "projection": projection | {"row": packed_floats(projection["row"])},
        **{
            name: None if array is None else packed_floats(array)
            for name, array in vectors.items()
        },
    }


def _number(value: float) -> str:
    return "−∞" if np.isneginf(value) else f"{value:.3f}"
