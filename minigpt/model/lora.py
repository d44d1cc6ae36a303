"""LoRA: learn a small change of a weight, and leave the weight alone.

A fine-tuned weight differs from its base by a matrix ΔW that is nearly of low rank. So
ΔW is written as a product of two thin matrices, and only those learn:

    h = W x + ΔW x,    ΔW = (alpha / rank) · B A

    x ─┬──────────── W (frozen) ────────────(+)── h
       └─ A [rank, in] ─ B [out, rank] ─ scale ─┘

B begins at zero, so the adapted model begins as the base. In the end ΔW may be added to
W (*merged*): from then on it costs nothing.

Source: Hu et al. 2021, arXiv:2106.09685, eq. 3.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from minigpt.config import LoraConfig
from minigpt.errors import ConfigError
from minigpt.model import LanguageModel, TransformerLM

_PLACES = {
    "qkv": ("attn.qkv",),
    "output": ("attn.output",),
    "mlp": ("mlp.input", "mlp.gate", "mlp.output"),
}
"""Where in a block each target's matrices are."""


class LoRALinear(nn.Module):
    """A frozen linear layer, and a change of low rank that learns.

        h = (W + alpha / rank · B A) x + b
        W: [out in], frozen        B: [out rank]        A: [rank in]

    `weight` is that sum, so code that reads it needs to know nothing about adapters.

    Args:
        base: The layer; its weights stop learning.
        rank: Rows of A and columns of B.
        alpha: The change is multiplied by alpha / rank.

    Source: Hu et al. 2021, arXiv:2106.09685, eq. 3.
    """

    def __init__(self, base: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.scale = alpha / rank
        like = base.weight
        self.lora_a = nn.Parameter(like.new_empty(rank, base.in_features))
        self.lora_b = nn.Parameter(like.new_zeros(base.out_features, rank))
        nn.init.normal_(self.lora_a, std=1 / math.sqrt(base.in_features))
        self.is_on = True
        self.is_merged = False

    @property
    def change(self) -> Float[Tensor, "out in"]:
        """ΔW: what is added to the frozen weight."""
        return self.scale * self.lora_b @ self.lora_a

    @property
    def weight(self) -> Float[Tensor, "out in"]:
        """The weight that the layer uses now, with the change if it is on."""
        if self.is_merged or not self.is_on:
            return self.base.weight
        return self.base.weight + self.change

    @property
    def bias(self) -> Tensor | None:
        """The frozen layer's."""
        return self.base.bias

    def forward(self, x: Float[Tensor, "*batch in"]) -> Float[Tensor, "*batch out"]:
        """Map as the frozen layer does, and add the change's part."""
        if self.is_merged or not self.is_on:
            return self.base(x)
        return self.base(x) + self.scale * (x @ self.lora_a.T) @ self.lora_b.T

    @torch.no_grad()
    def merge(self) -> None:
        """Add the change to the weight; a second call does nothing."""
        if not self.is_merged:
            self.base.weight += self.change
            self.is_merged = True

    @torch.no_grad()
    def unmerge(self) -> None:
        """Take the change out of the weight again."""
        if self.is_merged:
            self.base.weight -= self.change
            self.is_merged = False


def add_lora(model: LanguageModel, config: LoraConfig) -> TransformerLM:
    """Freeze a model, and put an adapter beside some of its matrices, in place.

    Args:
        model: The base.
        config: Rank, alpha and targets.

    Returns:
        The same model: it computes what it did, and only the adapter learns.

    Raises:
        ConfigError: If the model has an adapter already; and see `adaptable`.
    """
    found = adaptable(model, config)
    assert isinstance(model, TransformerLM)
    if model.adapter is not None:
        raise ConfigError("This model has an adapter already: merge it first.")
    model.requires_grad_(False)
    for name, layer in found.items():
        model.set_submodule(name, LoRALinear(layer, config.rank, config.alpha))
    model.adapter = config
    return model


def adaptable(model: LanguageModel, config: LoraConfig) -> dict[str, nn.Linear]:
    """Return the layers that an adapter would stand beside, by name.

    Raises:
        ConfigError: If the model is no transformer, has none of the targets, or a rank
            that is not lower than its matrices'.
    """
    if not isinstance(model, TransformerLM):
        raise ConfigError("LoRA adapts attention; an mlp has none: tune all weights.")
    if config.rank > model.config.d_model:
        raise ConfigError(
            f"lora_rank is {config.rank}, and the matrices have rank "
            f"{model.config.d_model} at most: choose a smaller one."
        )
    wanted = tuple(place for target in config.targets for place in _PLACES[target])
    found = {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and name.endswith(wanted)
    }
    if not found and model.adapter is None:
        raise ConfigError(
            f"lora_targets is {', '.join(config.targets)}, and this model has no such "
            "matrices: choose qkv or output."
        )
    return found


def lora_layers(model: nn.Module) -> dict[str, LoRALinear]:
    """Return every adapted layer by its name; none without an adapter."""
    return {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, LoRALinear)
    }


def merge_adapter(model: nn.Module) -> None:
    """Add every change to its weight, in place."""
    for layer in lora_layers(model).values():
        layer.merge()


def unmerge_adapter(model: nn.Module) -> None:
    """Undo `merge_adapter`, to the rounding of one sum."""
    for layer in lora_layers(model).values():
        layer.unmerge()


def without_adapter(model: TransformerLM) -> TransformerLM:
    """Return a copy with plain layers, the adapter merged into their weights."""
    plain = deepcopy(model)
    for name, layer in lora_layers(plain).items():
        layer.merge()
        plain.set_submodule(name, layer.base)
    plain.adapter = None
    return plain.requires_grad_(True)


@contextmanager
def adapter_off(model: nn.Module) -> Iterator[None]:
    """Let a model compute as its base inside the `with`.

    For the process that trains the model; whoever shares a model copies it instead.

    Raises:
        ConfigError: If the adapter is merged: then the base is not there any more.
    """
    layers = lora_layers(model).values()
    if any(layer.is_merged for layer in layers):
        raise ConfigError("The adapter is merged into the weights: unmerge it first.")
    for layer in layers:
        layer.is_on = False
    try:
        yield
    finally:
        for layer in layers:
            layer.is_on = True
