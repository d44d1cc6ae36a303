"""A shape: how one kind of model, of those that `transformers` knows, is written down.

The table of places is the only definition of where a weight lies; reading and writing
both follow it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from minigpt.config import ModelConfig
from minigpt.pretrained.fields import Fields


@dataclass(frozen=True)
class WeightPlace:
    """Where a file keeps one of our weights.

    >>> place = WeightPlace(("q", "k", "v"), rows=(4, 2, 2))  # stacked
    """

    names: tuple[str, ...]
    """The tensors that are ours, one above the other."""
    rows: tuple[int, ...] = ()
    """How many rows each of several tensors has."""
    turned: bool = False
    """Stored as [in, out]; ours is [out, in], as torch's `Linear` has it."""


@dataclass(frozen=True)
class Shape:
    """A kind of model and its two translations."""

    title: str
    model_types: tuple[str, ...]
    """What `config.json` may call it; the first is what we write."""
    architecture: str
    """The class of `transformers`."""
    prefix: str
    """What most names of weights start with. Files of a model without its head have
    the same names without it."""
    no_weights: str
    """A pattern (`re.fullmatch`) of tensors that old files hold and nobody reads."""
    read: Callable[[Fields], ModelConfig]
    """From their settings to ours."""
    write: Callable[[ModelConfig], dict[str, Any]]
    """From our settings to theirs."""
    places: Callable[[ModelConfig], dict[str, WeightPlace]]
    """Where each of our weights lies."""
    fits: Mapping[str, tuple[Any, ...]]
    """The values of our settings that this shape can express."""
    shares_keys: bool
    """Whether several query heads can share keys and values."""
    complete: Callable[[ModelConfig], ModelConfig]
    """The settings with every part that the shape always has: biases, scales, …"""

    def misfits(self, config: ModelConfig) -> list[str]:
        """Say which settings this shape cannot express, and what it has instead."""
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
        return found


def layers(
    config: ModelConfig, of_one: Mapping[str, WeightPlace], prefix: str
) -> dict[str, WeightPlace]:
    """Repeat the places of one block for all of them.

    Args:
        config: How many there are.
        of_one: Our name within a block → theirs.
        prefix: What their names start with; `{}` is the number.
    """
    return {
        f"blocks.{number}.{name}": WeightPlace(
            tuple(prefix.format(number) + part for part in place.names),
            place.rows,
            place.turned,
        )
        for number in range(config.num_layers)
        for name, place in of_one.items()
    }
