"""How far the weights of two models lie apart, tensor by tensor and head by head.

Before: `comparison`, for what the models say. A weight that moved far need not matter,
and one that hardly moved may: only the losses tell.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from minigpt.errors import DataError
from minigpt.interpret.differences.head_weights import head_norms
from minigpt.model import LanguageModel, TransformerLM


@dataclass(frozen=True)
class WeightChange:
    """‖after − before‖ / ‖before‖ of every part that both models have."""

    names: list[str]
    """Parameters, in the order of the model."""
    relative: Float[np.ndarray, "tensor"]
    """Frobenius norms' ratio; not-a-number where `before` is all zeros."""
    heads: Float[np.ndarray, "layer head"] | None
    """The same for each head's q, k, v and o together; None without equal heads."""
    unmatched: list[str]
    """Parameters that only one model has, or that differ in shape."""


def weight_change(before: LanguageModel, after: LanguageModel) -> WeightChange:
    """Measure how far each tensor and each head of one model is from the other's.

    Args:
        before: The model that changes are relative to.
        after: The other.

    Raises:
        DataError: If the models have no tensor of the same name and shape.
    """
    old, new = (
        {name: weight.detach().float().cpu() for name, weight in m.named_parameters()}
        for m in (before, after)
    )
    names = [name for name in old if name in new and old[name].shape == new[name].shape]
    if not names:
        raise DataError(
            "The models share no tensor of the same name and shape: their weights "
            "cannot be compared."
        )
    differences = {name: new[name] - old[name] for name in names}
    relative = [
        _ratio(float(differences[n].norm()), float(old[n].norm())) for n in names
    ]
    heads = None
    if isinstance(before, TransformerLM) and isinstance(after, TransformerLM):
        sizes = [
            (c.num_layers, c.num_heads, c.kv_heads, c.d_head, c.d_model)
            for c in (before.config, after.config)
        ]
        if sizes[0] == sizes[1]:
            moved = head_norms(differences, before.config)
            heads = moved / head_norms(old, before.config)
    every = list(dict.fromkeys([*old, *new]))
    unmatched = [name for name in every if name not in differences]
    return WeightChange(names, np.array(relative), heads, unmatched)


def _ratio(change: float, size: float) -> float:
    return change / size if size > 0 else float("nan")
