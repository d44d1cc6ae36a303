"""An oracle for attribution: the final norm, with its scale held fixed."""

import torch


def frozen_norm(model, stream: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Apply the final norm with another vector's scale, as TransformerLens does."""
    norm = model.ln_final
    if model.config.norm == "layernorm":
        stream = stream - stream.mean(-1, keepdim=True)
    stream = stream / scale
    return stream if norm.weight is None else stream * norm.weight
