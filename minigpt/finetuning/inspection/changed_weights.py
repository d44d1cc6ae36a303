"""How far fine-tuning moved each matrix, and which it did not change.

    share = ‖W − W₀‖ / ‖W₀‖

for each layer's matrices: q, k, v and o of attention, and the MLP's. An adapter moves
its targets and nothing else; full fine-tuning moves everything, mostly not far.

Before: `lora`. Next: `low_rank`, which opens one of these changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from minigpt.config import ModelConfig
from minigpt.errors import DataError
from minigpt.model import LanguageModel, TransformerLM

PARTS = {
    "q": "attn.qkv",
    "k": "attn.qkv",
    "v": "attn.qkv",
    "o": "attn.output",
    "mlp in": "mlp.input",
    "mlp gate": "mlp.gate",
    "mlp out": "mlp.output",
}
"""Where in a block each matrix is kept; `qkv` holds three."""


@dataclass(frozen=True)
class Moved:
    """How far each matrix of a model is from where it began."""

    matrices: list[str]
    """Names of the columns: `q`, `k`, `v`, `o`, `mlp in` …"""
    relative: Float[np.ndarray, "layer matrix"]
    """‖ΔW‖ / ‖W‖; exactly 0 where nothing changed."""
    others: dict[str, float]
    """The same of everything outside the blocks' matrices, by parameter name."""
    touched: int
    """Weights of tensors that changed at all."""
    total: int

    @property
    def largest(self) -> tuple[int, int]:
        """Layer and column of the matrix that moved farthest."""
        layer, column = divmod(int(np.nanargmax(self.relative)), len(self.matrices))
        return layer, column


def moved(before: LanguageModel, after: LanguageModel) -> Moved:
    """Measure how far each matrix is from its base.

    Args:
        before: The base, with as many tokens as the other.
        after: What was made of it.

    Raises:
        DataError: If one of them is no transformer, or their sizes differ.
    """
    old, new = same_shape(before, after)
    config, first, second = old.config, _tensors(old), _tensors(new)
    names = matrix_names(first)
    relative = np.zeros((config.num_layers, len(names)))
    for layer in range(config.num_layers):
        ours, theirs = (layer_matrices(t, config, layer) for t in (first, second))
        for column, name in enumerate(names):
            relative[layer, column] = _ratio(ours[name], theirs[name])
    kept_as = tuple(f"{part}.weight" for part in PARTS.values())
    touched = sum(
        weight.numel()
        for name, weight in first.items()
        if not weight.equal(second[name])
    )
    return Moved(
        names,
        relative,
        {
            name: _ratio(weight, second[name])
            for name, weight in first.items()
            if not name.endswith(kept_as)
        },
        touched,
        sum(weight.numel() for weight in first.values()),
    )


def same_shape(
    before: LanguageModel, after: LanguageModel
) -> tuple[TransformerLM, TransformerLM]:
    """Return two models whose matrices can be compared one by one.

    Raises:
        DataError: If they cannot.
    """
    if not isinstance(before, TransformerLM) or not isinstance(after, TransformerLM):
        raise DataError("An mlp has no attention: there are no such matrices to show.")
    shapes = [{n: w.shape for n, w in _tensors(m).items()} for m in (before, after)]
    if shapes[0] != shapes[1]:
        raise DataError(
            "The models differ in their sizes: one was not fine-tuned from the other."
        )
    return before, after


def matrix_names(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return which matrices the blocks have, in the order of the model."""
    return [
        name for name, part in PARTS.items() if f"blocks.0.{part}.weight" in tensors
    ]


def rows_of(config: ModelConfig, matrix: str) -> slice:
    """Return which rows of the tensor that holds it are a matrix's own."""
    own, shared = (
        heads * config.d_head for heads in (config.num_heads, config.kv_heads)
    )
    places = {
        "q": slice(0, own),
        "k": slice(own, own + shared),
        "v": slice(own + shared, own + 2 * shared),
    }
    return places.get(matrix, slice(None))


def layer_matrices(
    tensors: Mapping[str, Tensor], config: ModelConfig, layer: int
) -> dict[str, Float[Tensor, "out in"]]:
    """Return one block's matrices by name; `qkv` is split into its three parts."""
    return {
        name: tensors[f"blocks.{layer}.{PARTS[name]}.weight"][rows_of(config, name)]
        for name in matrix_names(tensors)
    }


def _tensors(model: TransformerLM) -> dict[str, Tensor]:
    return {
        name: weight.detach().float().cpu() for name, weight in model.named_parameters()
    }


def _ratio(before: Tensor, after: Tensor) -> float:
    size = float(before.norm())
    change = float((after - before).norm())
    return change / size if size > 0 else float("nan")
