"""The MLP: what a token does, by itself, with what attention has gathered.

Before: attention has added to the residual stream. Next: the following block.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from minigpt.config import ModelConfig
from minigpt.hooks import HookPoint


def gelu(x: Tensor) -> Tensor:
    """GELU in GPT-2's tanh form. Source: Hendrycks & Gimpel 2016, arXiv:1606.08415."""
    return F.gelu(x, approximate="tanh")


def gelu_exact(x: Tensor) -> Tensor:
    """GELU as it is defined: x · Φ(x), with Φ the normal distribution's share below x.

    `gelu` differs from it by less than 0.0005. Source: as for `gelu`.
    """
    return F.gelu(x)


def relu2(x: Tensor) -> Tensor:
    """ReLU, squared: max(0, x)². Source: So et al. 2021, arXiv:2109.08668."""
    return F.relu(x).square()


class _FastReLU2(torch.autograd.Function):
    """Its gradient is 2 relu(x): half the work that autograd makes of the two steps."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        positive = F.relu(x)
        ctx.save_for_backward(positive)
        return positive.square()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (positive,) = ctx.saved_tensors
        return (gradient * positive).mul_(2.0)


def fast_relu2(x: Tensor) -> Tensor:
    """Compute `relu2`, to the bit, with a cheaper gradient."""
    squared: Tensor = _FastReLU2.apply(x)  # type: ignore[no-untyped-call]
    return squared


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": gelu,
    "gelu_exact": gelu_exact,
    "relu": F.relu,
    "relu2": fast_relu2,
    "swiglu": F.silu,
    "geglu": gelu,
}


class FeedForward(nn.Module):
    """Two linear layers with a non-linearity between them.

        MLP(x) = W_out · activation(W_in x + b_in) + b_out
        W_in: [d_ff d_model]        W_out: [d_model d_ff]

    Each of the d_ff neurons compares x with its row of W_in. If it fires, it adds its
    column of W_out to the stream.

    Args:
        config: The model's settings.

    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 2.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[config.activation]
        self.input = nn.Linear(config.d_model, config.mlp_width, bias=config.bias)
        self.hook_pre = HookPoint()  # [batch pos d_ff]
        self.hook_post = HookPoint()  # [batch pos d_ff]
        self.output = nn.Linear(config.mlp_width, config.d_model, bias=config.bias)

    def forward(
        self, x: Float[Tensor, "batch pos d_model"]
    ) -> Float[Tensor, "batch pos d_model"]:
        """Transform each position by itself."""
        pre = self.hook_pre(self.input(x))
        return self.output(self.hook_post(self.activation(pre)))


class GatedFeedForward(FeedForward):
    """Unlike the one before: a second projection scales what the first lets through.

        MLP(x) = W_out · (silu(W_in x) ⊙ W_gate x),   or with GELU for silu (GeGLU)

    Source: Shazeer 2020, arXiv:2002.05202, eq. 5 and 6.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.gate = nn.Linear(config.d_model, config.mlp_width, bias=config.bias)
        self.hook_pre_linear = HookPoint()  # [batch pos d_ff]

    def forward(
        self, x: Float[Tensor, "batch pos d_model"]
    ) -> Float[Tensor, "batch pos d_model"]:
        """Transform each position by itself."""
        pre = self.hook_pre(self.input(x))
        gate = self.hook_pre_linear(self.gate(x))
        return self.output(self.hook_post(self.activation(pre) * gate))


def build_feedforward(config: ModelConfig) -> FeedForward:
    """Choose the MLP that the config names."""
    return (GatedFeedForward if config.is_gated else FeedForward)(config)
