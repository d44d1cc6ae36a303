"""A matrix kept as integers and scales.

Before: `rounding` and `packing`. Next: `layers`, which compute with such a matrix.
"""

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor, nn
from torch.nn import functional as F

from minigpt.config import QuantizationConfig
from minigpt.quantization.packing import pack_int4, unpack_int4
from minigpt.quantization.rounding import (
    choose_grid,
    group_shape,
    in_groups,
    to_integers,
    to_weights,
)


class QuantizedMatrix(nn.Module):
    """Integers of 8 or 4 bits, with a scale (and a zero point) for each group.

        weight[r, c] = scales[r, g] · (integers[r, c] − zero_points[r, g])

    where g is the group of column c. The integers are stored as bytes: of 4 bits, two
    in each.

    Args:
        rows: Output channels, or tokens of an embedding.
        columns: Weights in a row.
        config: The kind of grid.
    """

    integers: Tensor
    zero_points: Tensor | None

    def __init__(self, rows: int, columns: int, config: QuantizationConfig) -> None:
        super().__init__()
        self.shape = (rows, columns)
        self.config = config
        self.groups, self.group_width = group_shape(columns, config.group_size)
        members = self.groups * self.group_width
        stored = (members, torch.int8) if config.bits == 8 else (-(-members // 2), None)
        self.register_buffer(
            "integers", torch.zeros(rows, stored[0], dtype=stored[1] or torch.uint8)
        )
        # A parameter, and not a buffer, so that a model of nothing but such matrices
        # still has one that tells its type and place.
        self.scales = nn.Parameter(torch.ones(rows, self.groups), requires_grad=False)
        zeros = torch.zeros(rows, self.groups, dtype=torch.int8)
        self.register_buffer("zero_points", zeros if config.zero_point else None)

    @torch.no_grad()
    def round_from(self, weight: Float[Tensor, "row column"]) -> "QuantizedMatrix":
        """Round a matrix of this shape, and keep what came out; return itself."""
        groups = in_groups(weight.detach().float(), self.config.group_size)
        scales, zero_points = choose_grid(groups, self.config)
        integers = to_integers(groups, scales, zero_points, self.config).flatten(1)
        self.integers = pack_int4(integers) if self.config.bits == 4 else integers
        self.scales.data = scales
        if self.zero_points is not None:
            self.zero_points = zero_points
        return self

    def forward(self) -> Float[Tensor, "row column"]:
        """Return the matrix as ordinary numbers."""
        return self._weights(self.integers, self.scales, self.zero_points)

    def rows(self, ids: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch column"]:
        """Return some rows as ordinary numbers, without computing the others."""
        flat = ids.flatten()
        zeros = self.zero_points
        found = self._weights(
            F.embedding(flat, self.integers),
            F.embedding(flat, self.scales),
            None if zeros is None else F.embedding(flat, zeros),
        )
        return found.view(*ids.shape, -1)

    def unpacked(self) -> Int8[Tensor, "row member"]:
        """Return the integers, one in each byte, groups filled up."""
        return self._unpacked(self.integers)

    def _unpacked(self, integers: Tensor) -> Tensor:
        if self.config.bits == 8:
            return integers
        return unpack_int4(integers, self.groups * self.group_width)

    def _weights(
        self, integers: Tensor, scales: Tensor, zero_points: Tensor | None
    ) -> Tensor:
        if zero_points is None:
            zero_points = torch.zeros_like(scales, dtype=torch.int8)
        grouped = self._unpacked(integers).reshape(*scales.shape, -1)
        weights = to_weights(grouped, scales, zero_points).flatten(1)
        return weights[:, : self.shape[1]]
