"""What rounding does to the weights of one matrix, to be looked at.

Before: `minigpt.quantization.rounding`, the arithmetic. Next: `rounding_cost`, what it
does to the predictions.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.config import QuantizationConfig
from minigpt.quantization.rounding import (
    choose_grid,
    in_groups,
    integer_range,
    to_integers,
)


class GridPicture(NamedTuple):
    """The weights of a matrix in steps of their grids, before and after rounding.

    Every weight is divided by its own scale, so that the points of all grids are the
    same integers, and one picture shows the whole matrix.
    """

    edges: Float[np.ndarray, "edge"]
    """Of the bins that weights are counted in before rounding, in steps."""
    before: Int[np.ndarray, "bin"]
    """Weights in each bin."""
    points: Int[np.ndarray, "point"]
    """Every point of the grid that a weight could have been rounded to."""
    after: Int[np.ndarray, "point"]
    """Weights rounded to each."""


def grid_picture(
    weight: Float[Tensor, "row column"], config: QuantizationConfig
) -> GridPicture:
    """Count the weights of a matrix along its grid, before and after rounding.

    Args:
        weight: The matrix.
        config: The kind of grid.
    """
    groups = in_groups(weight.detach().float().cpu(), config.group_size)
    scales, zero_points = choose_grid(groups, config)
    exact = groups / scales[..., None] + zero_points[..., None]
    integers = to_integers(groups, scales, zero_points, config)
    low, high = integer_range(config)
    finer = 8 if config.bits == 4 else 1  # bins for each step
    edges = np.linspace(low - 0.5, high + 0.5, (high - low + 1) * finer + 1)
    columns = slice(None, weight.shape[1])  # without what fills up the last group
    counted, _ = np.histogram(exact.flatten(1)[:, columns].numpy(), edges)
    points = np.arange(low, high + 1)
    taken = integers.flatten(1)[:, columns].flatten().long() - low
    after = torch.bincount(taken, minlength=len(points)).numpy()
    return GridPicture(edges, counted, points, after)


class RowSteps(NamedTuple):
    """Some weights of a row, from what they were to what they become."""

    weight: Float[np.ndarray, "member"]
    scale: float
    zero_point: int
    steps: Float[np.ndarray, "member"]
    """weight / scale + zero point."""
    integers: Int[np.ndarray, "member"]
    """The nearest integers."""
    rounded: Float[np.ndarray, "member"]
    """scale · (integer − zero point)."""


def row_steps(
    weight: Float[Tensor, "row column"], row: int, config: QuantizationConfig
) -> RowSteps:
    """Return the working of the first group of a row."""
    groups = in_groups(weight[row : row + 1].detach().float().cpu(), config.group_size)
    scales, zero_points = choose_grid(groups, config)
    integers = to_integers(groups, scales, zero_points, config)[0, 0].numpy()
    scale, zero = float(scales[0, 0]), int(zero_points[0, 0])
    own = groups[0, 0].numpy()
    steps = own / scale + zero
    return RowSteps(own, scale, zero, steps, integers, scale * (integers - float(zero)))
