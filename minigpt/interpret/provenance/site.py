"""Where a number stands: the model, what it read and computed, and the place in it."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from minigpt.activation_cache import ActivationCache


@dataclass(frozen=True)
class Site:
    """One place of one tensor, and everything that may have gone into it."""

    model: Any
    """A `TransformerLM` or an `MLPLM`; a rule knows of which its hook is."""
    tokens: list[int]
    cache: ActivationCache
    """The hooks of the same block, the ends of the block before, and those outside."""
    hook: str
    index: tuple[int, ...]
    """Place in the hook's tensor, the batch (0) first."""

    @property
    def layer(self) -> int:
        """Which block the hook is in; after all blocks, the last."""
        found = re.match(r"blocks\.(\d+)\.", self.hook)
        return int(found[1]) if found else len(self.model.blocks) - 1

    @property
    def block(self) -> Any:
        """That block, whose weights are operands too."""
        return self.model.blocks[self.layer]

    @property
    def module(self) -> Any:
        """The module that the hook belongs to."""
        return self.model.get_submodule(self.hook.rpartition(".")[0])

    @property
    def position(self) -> int:
        """The token's position, where the hook has one: its second axis."""
        return self.index[1]

    def here(self, hook: str, *place: int) -> Float[np.ndarray, "..."]:
        """Return what a hook of the same block holds at a place after the batch."""
        return self.value(f"blocks.{self.layer}.{hook}", *place)

    def value(self, hook: str, *place: int) -> Float[np.ndarray, "..."]:
        """Return what a hook holds at a place after the batch."""
        return doubles(self.cache[hook][(0, *place)])


def doubles(tensor: Tensor) -> Float[np.ndarray, "..."]:
    """Take a tensor out of torch, in double precision."""
    return tensor.detach().double().cpu().numpy()


def weight_and_bias(
    layer: nn.Linear, row: int
) -> tuple[Float[np.ndarray, " d_in"], float | None]:
    """Return what a linear layer multiplies its input with for one output."""
    bias = None if layer.bias is None else float(doubles(layer.bias[row]))
    return doubles(layer.weight[row]), bias
