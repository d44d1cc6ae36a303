"""Rounding to a grid: the whole of weight-only quantization, for one matrix.

A grid is a scale s, the distance between neighbouring points, and a zero point z:

    w  ≈  s · (q − z),        q an integer of b bits: −2^(b−1) … 2^(b−1) − 1

Rounding to the nearest point is off by at most s / 2, so everything depends on a small
s; and s is set by the largest weight that shares the grid. That is why each row of a
matrix (an output channel) has a grid of its own, and with few bits each group in a row.

*Symmetric* grids have z = 0, and reach as far below zero as above. That suits weights,
which lie around zero, and a product with them needs no more than one multiplication by
s at the end. With a *zero point* the grid goes from the lowest weight to the highest.
Either way, 0 is a point: a weight that is zero stays zero.

Source: Jacob et al. 2018, arXiv:1712.05877, eq. 1; for groups, Dettmers & Zettlemoyer
2023, arXiv:2212.09720, section 2.

Before: a trained matrix. Next: `packing`, which puts two 4-bit integers into one byte.
"""

import math

import torch
from jaxtyping import Float, Int8
from torch import Tensor

from minigpt.config import QuantizationConfig


def integer_range(config: QuantizationConfig) -> tuple[int, int]:
    """Return the lowest and highest integer that a grid uses.

    A symmetric grid leaves out the lowest one: it has no counterpart above zero.

    >>> integer_range(QuantizationConfig(bits=4))
    (-7, 7)
    """
    half = 2 ** (config.bits - 1)
    return -half if config.zero_point else 1 - half, half - 1


def group_shape(columns: int, group_size: int | None) -> tuple[int, int]:
    """Divide a row into groups of nearly equal length.

    >>> group_shape(128, 64), group_shape(100, 64), group_shape(16, None)
    ((2, 64), (2, 50), (1, 16))

    Args:
        columns: Weights in a row.
        group_size: The longest that a group may be; None: one group.

    Returns:
        How many groups, and how many weights each has; the last may have fewer.
    """
    groups = math.ceil(columns / (group_size or columns))
    return groups, math.ceil(columns / groups)


def in_groups(
    weight: Float[Tensor, "row column"], group_size: int | None
) -> Float[Tensor, "row group member"]:
    """Cut each row into groups. A shorter last one is filled up with zeros."""
    groups, width = group_shape(weight.shape[1], group_size)
    missing = groups * width - weight.shape[1]
    filled = torch.nn.functional.pad(weight, (0, missing))
    return filled.reshape(-1, groups, width)


def choose_grid(
    groups: Float[Tensor, "row group member"], config: QuantizationConfig
) -> tuple[Float[Tensor, "row group"], Int8[Tensor, "row group"]]:
    """Choose the finest grid that covers the weights of each group.

    Returns:
        Scales and zero points. A group of zeros has scale 1: any would do.
    """
    lowest, highest = integer_range(config)
    low = groups.amin(-1).clamp(max=0)  # a grid must have a point at zero
    high = groups.amax(-1).clamp(min=0)
    if not config.zero_point:
        high = torch.maximum(high, -low)
        low = -high
    scales = (high - low) / (highest - lowest)
    scales = torch.where(scales > 0, scales, torch.ones_like(scales))
    zero_points = (lowest - low / scales).round().to(torch.int8)
    return scales, zero_points


def to_integers(
    groups: Float[Tensor, "row group member"],
    scales: Float[Tensor, "row group"],
    zero_points: Int8[Tensor, "row group"],
    config: QuantizationConfig,
) -> Int8[Tensor, "row group member"]:
    """Round each weight to the nearest point of its grid: q = round(w / s) + z."""
    points = (groups / scales[..., None]).round() + zero_points[..., None]
    return points.clamp(*integer_range(config)).to(torch.int8)


def to_weights(
    integers: Int8[Tensor, "row group member"],
    scales: Float[Tensor, "row group"],
    zero_points: Int8[Tensor, "row group"],
) -> Float[Tensor, "row group member"]:
    """Return the weights that the integers stand for: w = s · (q − z)."""
    # As floating-point numbers: an int8 cannot hold 127 − (−128).
    return scales[..., None] * (integers.float() - zero_points[..., None].float())


def rounded(
    weight: Float[Tensor, "row column"], config: QuantizationConfig
) -> Float[Tensor, "row column"]:
    """Return a matrix with every weight moved to the nearest point of its grid.

    >>> row = torch.tensor([[0.4, -1.0, 7.0, 0.6]])
    >>> rounded(row, QuantizationConfig(bits=4)).tolist()
    [[0.0, -1.0, 7.0, 1.0]]

    Args:
        weight: The matrix.
        config: Which weights share a grid, and how many points it has.
    """
    groups = in_groups(weight, config.group_size)
    scales, zero_points = choose_grid(groups, config)
    integers = to_integers(groups, scales, zero_points, config)
    found = to_weights(integers, scales, zero_points)
    return found.flatten(1)[:, : weight.shape[1]].to(weight.dtype)
