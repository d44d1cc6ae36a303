"""Precision: matrix products in bfloat16, everything else in float32.

bfloat16 keeps float32's range and a third of its digits. Weights, sums, norms and the
loss stay in float32; only the products of the linear layers, most of a step's work, use
half the bits.

- On a GPU that is torch's autocast.
- On a CPU autocast is slower: it includes attention, whose backward takes several times
  as long in bfloat16. There `HalfLinears` changes the linear layers only.

Next: `step`, which learns from a batch this way.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from minigpt.config import TrainConfig

HALF = torch.bfloat16


def uses_half(config: TrainConfig, device: torch.device) -> bool:
    """Whether to multiply in bfloat16: as configured, or where that is faster."""
    if config.precision != "auto":
        return config.precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and cpu_multiplies_half()


def cpu_multiplies_half() -> bool:
    """Whether this processor has instructions for bfloat16.

    Without them torch computes the same numbers, many times slower.
    """
    # torch asks the processor, and has no public name for the answer.
    return bool(
        torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    )


def in_precision(
    config: TrainConfig, device: torch.device
) -> AbstractContextManager[Any]:
    """Return the context for a forward; the backward then uses the same precision."""
    if not uses_half(config, device):
        return nullcontext()
    # Blocks that are run again in the backward are so under autocast, and under nothing
    # else that was entered before.
    if device.type == "cpu" and not config.gradient_checkpointing:
        return HalfLinears()
    return torch.autocast(device.type, dtype=HALF)


class HalfLinears(TorchFunctionMode):
    """A context in which every linear layer multiplies in bfloat16."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Replace one of torch's functions, and pass all others through."""
        if func is F.linear:
            return half_linear(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def half_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Compute x Wᵀ + b from float32 to float32, the product in bfloat16."""
    product: Tensor = _HalfProduct.apply(x.flatten(0, -2), weight)  # type: ignore[no-untyped-call]
    product = product.view(*x.shape[:-1], -1)
    return product if bias is None else product + bias


class _HalfProduct(torch.autograd.Function):
    """x Wᵀ, whose two gradients are products in bfloat16 as well."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        x, weight = x.to(HALF), weight.to(HALF)
        ctx.save_for_backward(x, weight)
        return (x @ weight.T).float()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        gradient = gradient.to(HALF)
        return (gradient @ weight).float(), (gradient.T @ x).float()
