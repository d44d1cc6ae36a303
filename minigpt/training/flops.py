"""How much arithmetic this machine can do, measured on plain matrix products.

A training's own arithmetic (`minigpt.model.sizes`), as a share of this peak, says how
well it uses the machine.
"""

from time import perf_counter

import torch

PEAK_SECONDS = 0.25
_LARGE = {"cpu": 384, "cuda": 8192, "mps": 2048}
"""Sides of matrices that keep such a device busy. On a CPU a product takes a
millisecond: short enough to be undisturbed now and then where others work too."""


def measured_peak(
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    seconds: float = PEAK_SECONDS,
) -> float:
    """Measure what a product of two large matrices reaches here.

    The best of several tries, with as many threads as torch uses at this moment.

    Args:
        device: Where.
        dtype: In which number format.
        seconds: How long to go on trying.

    Returns:
        Floating-point operations per second.
    """
    side = _LARGE[torch.device(device).type]
    left = torch.ones(side, side, device=device, dtype=dtype)
    product_speed(left, left, seconds=0.0)  # the first call sets things up
    return product_speed(left, left, seconds=seconds)


def product_speed(left: torch.Tensor, right: torch.Tensor, *, seconds: float) -> float:
    """Multiply two matrices for a while, and return the best speed.

    Args:
        left: Of shape [row inner].
        right: Of shape [inner column].
        seconds: How long to go on; it is tried once at least.

    Returns:
        Floating-point operations per second, two for each of row · inner · column.
    """
    operations = 2 * left.shape[0] * left.shape[1] * right.shape[1]
    best, end = float("inf"), perf_counter() + seconds
    while True:
        begin = perf_counter()
        torch.mm(left, right)
        if left.is_cuda:
            torch.cuda.synchronize(left.device)
        now = perf_counter()
        best = min(best, now - begin)
        if now >= end:
            return operations / best
