"""Norms: what each sublayer does to the residual stream before it reads it.

Before: the residual stream, whose length grows with every block that adds to it.
Next: attention and MLP, which want numbers of a known size.

`hook_normalized` is the vector of known size, before the learned scale and shift. While
neither hook is watched, torch's fused form of the same computation is used.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from minigpt.config import ModelConfig
from minigpt.hooks import HookPoint


class LayerNorm(nn.Module):
    """Centre each vector, divide it by its standard deviation, scale and shift.

        y = (x − mean(x)) / √(var(x) + ε) · weight + bias

    Source: Ba et al. 2016, arXiv:1607.06450, eq. 3.
    """

    def __init__(self, d_model: int, eps: float, affine: bool, bias: bool) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model)) if affine else None
        self.bias = nn.Parameter(torch.zeros(d_model)) if affine and bias else None
        self.hook_scale = HookPoint()  # [batch pos 1]
        self.hook_normalized = HookPoint()  # [batch pos d_model]

    def forward(self, x: Float[Tensor, "*axes width"]) -> Float[Tensor, "*axes width"]:
        """Normalise over the last axis."""
        if not (self.hook_scale.is_watched() or self.hook_normalized.is_watched()):
            return F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)
        x = x - x.mean(dim=-1, keepdim=True)
        scale = (x.pow(2).mean(dim=-1, keepdim=True) + self.eps).sqrt()
        x = self.hook_normalized(x / self.hook_scale(scale))
        if self.weight is not None:
            x = x * self.weight
        return x if self.bias is None else x + self.bias


class RMSNorm(nn.Module):
    """Divide each vector by its root mean square, and scale: no centring, no shift.

        y = x / √(mean(x²) + ε) · weight

    Source: Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4.
    """

    def __init__(self, d_model: int, eps: float, affine: bool) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model)) if affine else None
        self.hook_scale = HookPoint()  # [batch pos 1]
        self.hook_normalized = HookPoint()  # [batch pos d_model]

    def forward(self, x: Float[Tensor, "*axes width"]) -> Float[Tensor, "*axes width"]:
        """Normalise over the last axis."""
        if not (self.hook_scale.is_watched() or self.hook_normalized.is_watched()):
            return F.rms_norm(x, x.shape[-1:], self.weight, self.eps)
        scale = (x.pow(2).mean(dim=-1, keepdim=True) + self.eps).sqrt()
        x = self.hook_normalized(x / self.hook_scale(scale))
        return x if self.weight is None else x * self.weight


def softcapped(x: Tensor, cap: float | None) -> Tensor:
    """Bend numbers so that none is farther from 0 than a cap; small ones hardly change.

        cap · tanh(x / cap)

    Source: Bello et al. 2017, arXiv:1611.09940, section 4; Gemma Team 2024,
    arXiv:2408.00118 ("Gemma 2"), section 2, for scores and logits.
    """
    return x if cap is None else cap * torch.tanh(x / cap)


def build_norm(config: ModelConfig, width: int | None = None) -> LayerNorm | RMSNorm:
    """Choose the norm that the config names.

    Args:
        config: The model's settings.
        width: Length of the vectors, if not d_model.
    """
    width = width or config.d_model
    if config.norm == "rmsnorm":
        return RMSNorm(width, config.norm_eps, config.norm_affine)
    return LayerNorm(width, config.norm_eps, config.norm_affine, config.bias)
