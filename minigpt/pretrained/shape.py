"""A shape: how `transformers` stores one family of models.

The table of places is the only definition of where a weight is stored; reading and
writing both use it.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import Tensor

from minigpt.config import ModelConfig
from minigpt.pretrained.fields import Fields

PLAIN: dict[str, tuple[Any, ...]] = {
    "embedding_norm": (False,),
    "token_shift": (False,),
    "value_embeddings": (False,),
    "rope_local_base": (None,),
    "post_norms": (False,),
    "attention_softcap": (None,),
    "logit_softcap": (None,),
    "head_bias": (False,),
}
"""Options that few families or none have: part of what its models `fit`."""

ANY = object()
"""Among the values that fit: all others do as well."""


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
    orders: tuple[tuple[int, ...], ...] = ()
    """Which of each one's rows our rows are, one after another, if not the same."""
    added: float = 0.0
    """What is added to each number to be ours."""

    def shape_there(self, number: int, ours: Tensor) -> tuple[int, ...]:
        """Return the shape that a tensor has in the file, from our part of it."""
        rows, *rest = ours.T.shape if self.turned else ours.shape
        return (max(self.orders[number]) + 1 if self.orders else rows, *rest)

    def read(self, number: int, stored: Tensor) -> Tensor:
        """Make the part of our weight that one of the tensors is."""
        tensor = stored.T if self.turned else stored
        if self.orders:
            tensor = tensor[list(self.orders[number])]
        if self.added:
            tensor = tensor.float() + self.added
        return tensor.float() * self.factors[number] if self.factors else tensor

    def write(self, number: int, ours: Tensor) -> Tensor:
        """Make one of the tensors of a part of our weight: `read`, backwards."""
        if self.factors:
            ours = ours / self.factors[number]
        ours = ours - self.added
        if self.orders:
            order = list(self.orders[number])
            there = ours.new_zeros(max(order) + 1, *ours.shape[1:])
            there[order] = ours
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
    scales_queries: bool = True
    """Whether its queries, or the scale of their norm, are tensors of their own."""
    scales_embeddings: bool = False
    """Whether it multiplies embeddings by √d_model."""

    def misfits(self, config: ModelConfig) -> list[str]:
        """List settings that this shape cannot express, and the values it supports."""
        found = [
            f"{name} is {getattr(config, name)!r} (it has "
            f"{' or '.join(map(repr, values))})"
            for name, values in self.fits.items()
            if ANY not in values and getattr(config, name) not in values
        ]
        scale = math.sqrt(config.d_model) if self.scales_embeddings else 1.0
        if not math.isclose(config.embedding_scale, scale, rel_tol=1e-6):
            found.append(
                f"embedding_scale is {config.embedding_scale:g} (it has {scale:g})"
            )
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
        f"blocks.{number}.{name}": replace(
            place, names=tuple(prefix.format(number) + part for part in place.names)
        )
        for number in range(config.num_layers)
        for name, place in of_one.items()
    }


def with_scales_and_mlp(config: ModelConfig) -> ModelConfig:
    """Return settings with what most families always have: scales of norms, an MLP."""
    return config.replace(norm_affine=True, d_ff=max(config.mlp_width, 1))


def with_queries_times(
    factor: float, places: Mapping[str, WeightPlace]
) -> dict[str, WeightPlace]:
    """Multiply what makes the queries, so that scores are divided as ours are.

        q · k / divisor = (factor · q) · k / √d_head,    factor = √d_head / divisor

    Args:
        factor: For all queries.
        places: Of a shape whose queries are tensors of their own.
    """
    has_norm = any(name.endswith("attn.q_norm.weight") for name in places)
    pattern = r".*attn\.q_norm\.weight" if has_norm else r".*attn\.qkv\.\w+"
    return {
        name: replace(place, factors=(factor, 1.0, 1.0)[: len(place.names)])
        if factor != 1.0 and re.fullmatch(pattern, name)
        else place
        for name, place in places.items()
    }
