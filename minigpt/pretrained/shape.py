"""A shape: how `transformers` stores one family of models.

The table of places is the only definition of where a weight is stored; reading and
writing both use it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from minigpt.config import ModelConfig
from minigpt.pretrained.fields import Fields

OURS_ALONE: dict[str, tuple[Any, ...]] = {
    "embedding_norm": (False,),
    "token_shift": (False,),
    "value_embeddings": (False,),
}
"""Options that no family of others has: part of what its models `fit`."""


@dataclass(frozen=True)
class WeightPlace:
    """Where a file stores one of our weights.

    >>> place = WeightPlace(("q", "k", "v"), rows=(4, 2, 2))  # stacked
    """

    names: tuple[str, ...]
    """The tensors that, stacked, are our weight."""
    rows: tuple[int, ...] = ()
    """The number of rows of each tensor, if there are several."""
    turned: bool = False
    """Whether it is stored as [in, out]; ours is [out, in], as in `nn.Linear`."""
    factors: tuple[float, ...] = ()
    """What each tensor is multiplied with to be ours, if not 1."""
    order: tuple[int, ...] = ()
    """Which of their rows our rows are, one after another, if not the same."""

    def shape_there(self, ours: Tensor) -> tuple[int, ...]:
        """Return the shape that a tensor has in the file, from our part of it."""
        rows, *rest = ours.T.shape if self.turned else ours.shape
        return (max(self.order) + 1 if self.order else rows, *rest)

    def read(self, number: int, stored: Tensor) -> Tensor:
        """Make the part of our weight that one of the tensors is."""
        tensor = stored.T if self.turned else stored
        if self.order:
            tensor = tensor[list(self.order)]
        return tensor.float() * self.factors[number] if self.factors else tensor

    def write(self, number: int, ours: Tensor) -> Tensor:
        """Make one of the tensors of a part of our weight: `read`, backwards."""
        if self.factors:
            ours = ours / self.factors[number]
        if self.order:
            there = ours.new_zeros(max(self.order) + 1, *ours.shape[1:])
            there[list(self.order)] = ours
            ours = there
        return ours.T if self.turned else ours


@dataclass(frozen=True)
class Shape:
    """A model family and the translations in both directions."""

    title: str
    model_types: tuple[str, ...]
    """Its names in `config.json`; the first one is written."""
    architecture: str
    """The class of `transformers`."""
    prefix: str
    """The prefix of most weight names; files of a model without its head omit it."""
    no_weights: str
    """A pattern (`re.fullmatch`) of tensors in old files that are not needed."""
    read: Callable[[Fields], ModelConfig]
    """Translates their settings to ours."""
    write: Callable[[ModelConfig], dict[str, Any]] | None
    """Translates our settings to theirs (none: models are written as another shape)."""
    places: Callable[[ModelConfig], dict[str, WeightPlace]]
    """Where each of our weights is stored."""
    fits: Mapping[str, tuple[Any, ...]]
    """The values of our settings that this shape can express."""
    shares_keys: bool
    """Whether several query heads can share keys and values."""
    complete: Callable[[ModelConfig], ModelConfig]
    """The settings with every part that the shape always has: biases, scales, …"""
    head: str = "lm_head.weight"
    """The name of the head's weight."""
    windows: Literal["none", "one for all", "one or none"] = "none"
    """Which attention windows its layers can have."""

    def misfits(self, config: ModelConfig) -> list[str]:
        """List settings that this shape cannot express, and the values it supports."""
        found = [
            f"{name} is {getattr(config, name)!r} (it has "
            f"{' or '.join(map(repr, values))})"
            for name, values in self.fits.items()
            if getattr(config, name) not in values
        ]
        if config.kv_heads < config.num_heads and not self.shares_keys:
            found.append(
                f"num_kv_heads is {config.kv_heads} (it has as many as num_heads)"
            )
        sizes = set(config.windows)
        if self.windows == "one or none":
            sizes.discard(None)
        if len(sizes) > 1 or (self.windows == "none" and sizes != {None}):
            found.append(
                f"attention_window is {config.attention_window} (its layers have "
                f"{self.windows})"
            )
        return found


def layers(
    config: ModelConfig, of_one: Mapping[str, WeightPlace], prefix: str
) -> dict[str, WeightPlace]:
    """Repeat the places of one block for all of them.

    Args:
        config: Its `num_layers` is used.
        of_one: Our name within a block → theirs.
        prefix: The prefix of their names; `{}` is the block's number.
    """
    return {
        f"blocks.{number}.{name}": WeightPlace(
            tuple(prefix.format(number) + part for part in place.names),
            place.rows,
            place.turned,
            place.factors,
            place.order,
        )
        for number in range(config.num_layers)
        for name, place in of_one.items()
    }
