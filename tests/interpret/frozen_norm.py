"""An oracle for attribution: a norm with its scale held fixed; logits not bent."""

import torch

from minigpt.model import LayerNorm


def frozen_norm(norm, stream: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Apply a norm with another vector's scale, as TransformerLens does."""
    if isinstance(norm, LayerNorm):
        stream = stream - stream.mean(-1, keepdim=True)
    stream = stream / scale
    return stream if norm.weight is None else stream * norm.weight


def straight(model, logits: torch.Tensor) -> torch.Tensor:
    """Return logits as they were before the model bent them, if it does."""
    cap = model.config.logit_softcap
    return logits if cap is None else (logits.double() / cap).atanh() * cap
