"""The parts of a model that can be ablated or patched, each by the name of its hooks.

A part knows which cells of which hooks are it; what becomes of them is the business of
`interventions` and `patching`. Each is also a short text, `L0H1`, so that a link can
hold it.

Source: Geva et al. 2023, arXiv:2304.14767, for blocking what later tokens read of one.
"""

import re
from dataclasses import dataclass

from minigpt.config import ModelConfig
from minigpt.errors import DataError
from minigpt.model import LanguageModel, TransformerLM

Cells = tuple[slice | int, ...]
"""Which cells of a hook's activation, the batch first."""

EVERYTHING: Cells = (slice(None),)


@dataclass(frozen=True)
class Head:
    """One head: its z, the weighted sum of values, before it is written back."""

    layer: int
    head: int

    def places(self, model: TransformerLM) -> dict[str, Cells]:
        """Return which cells of which hooks are this part."""
        require(self, model.config)
        here = (slice(None), slice(None), self.head)
        return {f"blocks.{self.layer}.attn.hook_z": here}

    def example(self, length: int) -> tuple[str, tuple[int, ...]]:
        """Return one number of it in a text: its hook, and where in it."""
        return f"blocks.{self.layer}.attn.hook_z", (0, length - 1, self.head, 0)

    def __str__(self) -> str:
        return f"L{self.layer}H{self.head}"


@dataclass(frozen=True)
class Attention:
    """All heads of a layer together: what its attention adds to the stream."""

    layer: int

    def places(self, model: TransformerLM) -> dict[str, Cells]:
        """Return which cells of which hooks are this part."""
        require(self, model.config)
        return {f"blocks.{self.layer}.hook_attn_out": EVERYTHING}

    def example(self, length: int) -> tuple[str, tuple[int, ...]]:
        """Return one number of it in a text: its hook, and where in it."""
        return f"blocks.{self.layer}.hook_attn_out", (0, length - 1, 0)

    def __str__(self) -> str:
        return f"attention{self.layer}"


@dataclass(frozen=True)
class MLP:
    """What a layer's MLP adds to the stream."""

    layer: int

    def places(self, model: TransformerLM) -> dict[str, Cells]:
        """Return which cells of which hooks are this part."""
        require(self, model.config)
        return {f"blocks.{self.layer}.hook_mlp_out": EVERYTHING}

    def example(self, length: int) -> tuple[str, tuple[int, ...]]:
        """Return one number of it in a text: its hook, and where in it."""
        return f"blocks.{self.layer}.hook_mlp_out", (0, length - 1, 0)

    def __str__(self) -> str:
        return f"MLP{self.layer}"


@dataclass(frozen=True)
class Neuron:
    """One neuron of an MLP: its activation, before its output weights."""

    layer: int
    neuron: int

    def places(self, model: TransformerLM) -> dict[str, Cells]:
        """Return which cells of which hooks are this part."""
        require(self, model.config)
        here = (slice(None), slice(None), self.neuron)
        return {f"blocks.{self.layer}.mlp.hook_post": here}

    def example(self, length: int) -> tuple[str, tuple[int, ...]]:
        """Return one number of it in a text: its hook, and where in it."""
        return f"blocks.{self.layer}.mlp.hook_post", (0, length - 1, self.neuron)

    def __str__(self) -> str:
        return f"L{self.layer}N{self.neuron}"


@dataclass(frozen=True)
class Edge:
    """One attention weight of one head: how much a query reads a key."""

    layer: int
    head: int
    query: int
    key: int

    def __post_init__(self) -> None:
        if not 0 <= self.key <= self.query:
            raise DataError(
                f"Token {self.query} cannot read token {self.key}: choose itself or "
                "one before it."
            )

    def places(self, model: TransformerLM) -> dict[str, Cells]:
        """Return which cells of which hooks are this part."""
        require(self, model.config)
        # A slice, so that a text too short to have this weight is left as it is.
        row = slice(self.query, self.query + 1)
        here = (slice(None), self.head, row, slice(self.key, self.key + 1))
        return {f"blocks.{self.layer}.attn.hook_pattern": here}

    def example(self, length: int) -> tuple[str, tuple[int, ...]]:
        """Return one number of it in a text: its hook, and where in it."""
        query, key = (min(place, length - 1) for place in (self.query, self.key))
        return f"blocks.{self.layer}.attn.hook_pattern", (0, self.head, query, key)

    def __str__(self) -> str:
        return f"L{self.layer}H{self.head}[{self.query},{self.key}]"


@dataclass(frozen=True)
class Token:
    """All that later tokens read of one token, in every head of every layer."""

    position: int

    def places(self, model: TransformerLM) -> dict[str, Cells]:
        """Return which cells of which hooks are this part."""
        later = slice(self.position + 1, None)
        here = (slice(None), slice(None), later, self.position)
        layers = range(model.config.num_layers)
        return {f"blocks.{layer}.attn.hook_pattern": here for layer in layers}

    def example(self, length: int) -> tuple[str, tuple[int, ...]]:
        """Return one number of it in a text: its hook, and where in it."""
        key = min(self.position, length - 1)
        return "blocks.0.attn.hook_pattern", (0, 0, length - 1, key)

    def __str__(self) -> str:
        return f"token{self.position}"


Part = Head | Attention | MLP | Neuron | Edge | Token
"""Anything that can be ablated."""


def require_heads(model: LanguageModel) -> None:
    """Check that a model has parts to ablate.

    Raises:
        DataError: If it is an MLP.
    """
    if not isinstance(model, TransformerLM):
        raise DataError(
            "This model is an MLP: it has no attention heads to ablate or to patch. "
            "Choose a transformer."
        )


def parts_of_layer(model: TransformerLM, layer: int) -> list[Part]:
    """Return what can be ablated in a layer: its heads, attention and any MLP."""
    heads: list[Part] = [Head(layer, head) for head in range(model.config.num_heads)]
    mlp: list[Part] = [MLP(layer)] if model.config.mlp_width else []
    return [*heads, Attention(layer), *mlp]


def require(part: Part, config: ModelConfig, length: int | None = None) -> None:
    """Check that a model, and a text, have a part.

    Args:
        part: Anything that can be ablated.
        config: The model's.
        length: Tokens of the text (none: of any).

    Raises:
        DataError: If there is no such layer, head, MLP or token.
    """
    if not isinstance(part, Token):
        _require("layer", part.layer, config.num_layers, "this model")
    if isinstance(part, Head | Edge):
        _require("head", part.head, config.num_heads, "each layer of this model")
    if isinstance(part, MLP | Neuron) and not config.mlp_width:
        raise DataError("This model has no MLPs: ablate a head or an attention layer.")
    if isinstance(part, Neuron):
        _require("neuron", part.neuron, config.mlp_width, "each MLP of this model")
    if isinstance(part, Edge | Token) and length is not None:
        position = part.query if isinstance(part, Edge) else part.position
        _require("token", position, length, "this text")


# As many digits as any model or text can need: Python reads no number of thousands.
_N = r"([0-9]{1,9})"
_FORMS: tuple[tuple[str, type[Part]], ...] = (
    (rf"L{_N}H{_N}", Head),
    (rf"attention{_N}", Attention),
    (rf"MLP{_N}", MLP),
    (rf"L{_N}N{_N}", Neuron),
    (rf"L{_N}H{_N}\[{_N},{_N}\]", Edge),
    (rf"token{_N}", Token),
)


def read_part(text: str) -> Part:
    """Read a part from its short text.

    >>> read_part("L1H0[7,3]")
    Edge(layer=1, head=0, query=7, key=3)

    Raises:
        DataError: If it names no kind of part.
    """
    for form, kind in _FORMS:
        found = re.fullmatch(form, text, flags=re.IGNORECASE)
        if found:
            return kind(*map(int, found.groups()))
    raise DataError(
        f"{text!r:.80} names no part of a model: write L0H1 (a head), attention1, "
        "MLP1, L0N12 (a neuron), L0H1[7,3] (token 7 reading token 3) or token3."
    )


def _require(kind: str, number: int, count: int, owner: str) -> None:
    if not 0 <= number < count:
        raise DataError(
            f"There is no {kind} {number}: {owner} has {count}, counted from 0."
        )
