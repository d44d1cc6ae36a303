"""Which weights a fine-tuning moved, how far, and which it left alone.

    share = ‖W − W₀‖ / ‖W₀‖

for each layer's matrices: q, k, v and o of attention, and the MLP's. An adapter moves
its targets and nothing else; a full tuning moves everything, and mostly not far.

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

ATTENTION = ("q", "k", "v", "o")
MLP = {"mlp.input": "mlp in", "mlp.gate": "mlp gate", "mlp.output": "mlp out"}


@dataclass(frozen=True)
class Moved:
    """How far each matrix of a model is from where it began."""

    matrices: list[str]
    """Names of the columns: `q`, `k`, `v`, `o`, `mlp in` …"""
    relative: Float[np.ndarray, "layer matrix"]
    """‖ΔW‖ / ‖W‖; exactly 0 where nothing was touched."""
    others: dict[str, float]
    """The same of everything outside the blocks' matrices, by parameter name."""
    touched: int
    """Weights of tensors that changed at all."""
    total: int


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
    weights = (".attn.qkv.weight", ".attn.output.weight", *(f"{m}.weight" for m in MLP))
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
            if not name.endswith(weights)
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
            "The two models differ in their sizes: one was not tuned from the other."
        )
    return before, after


def matrix_names(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return which matrices the blocks have, in the order of the model."""
    has = [label for part, label in MLP.items() if f"blocks.0.{part}.weight" in tensors]
    return [*ATTENTION, *has]


def layer_matrices(
    tensors: Mapping[str, Tensor], config: ModelConfig, layer: int
) -> dict[str, Float[Tensor, "out in"]]:
    """Return one block's matrices by name; `qkv` is cut into its three parts."""
    own, shared = (
        heads * config.d_head for heads in (config.num_heads, config.kv_heads)
    )
    qkv = tensors[f"blocks.{layer}.attn.qkv.weight"].split([own, shared, shared])
    found = dict(zip(ATTENTION, qkv, strict=False))
    found["o"] = tensors[f"blocks.{layer}.attn.output.weight"]
    for part, label in MLP.items():
        if (weight := tensors.get(f"blocks.{layer}.{part}.weight")) is not None:
            found[label] = weight
    return found


def _tensors(model: TransformerLM) -> dict[str, Tensor]:
    return {
        name: weight.detach().float().cpu() for name, weight in model.named_parameters()
    }


def _ratio(before: Tensor, after: Tensor) -> float:
    size = float(before.norm())
    change = float((after - before).norm())
    return change / size if size > 0 else float("nan")
