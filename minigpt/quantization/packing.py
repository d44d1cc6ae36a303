"""Packing: two 4-bit integers in each byte, since no type of torch is so small.

Before: `rounding`, whose integers each take a byte. Next: `matrix`, which keeps them.
"""

import torch
from jaxtyping import Int8, UInt8
from torch import Tensor

_OFFSET = 8
"""Added before packing, so that −8 … 7 become 0 … 15."""


def pack_int4(integers: Int8[Tensor, "row column"]) -> UInt8[Tensor, "row byte"]:
    """Put neighbours into one byte, the first in its lower half.

    >>> pack_int4(torch.tensor([[-8, 7, 1]], dtype=torch.int8)).tolist()
    [[240, 137]]

    (0 + 16 · 15, and 9 + 16 · 8: the half that is left over holds a zero.)

    Args:
        integers: Between −8 and 7.
    """
    halves = (integers + _OFFSET).to(torch.uint8)
    if halves.shape[1] % 2:
        halves = torch.nn.functional.pad(halves, (0, 1), value=_OFFSET)
    return halves[:, ::2] | (halves[:, 1::2] << 4)


def unpack_int4(
    packed: UInt8[Tensor, "row byte"], columns: int
) -> Int8[Tensor, "row column"]:
    """Undo `pack_int4`.

    Args:
        packed: Two integers in each byte.
        columns: How many integers a row has.
    """
    halves = torch.stack([packed & 15, packed >> 4], dim=-1).flatten(1)
    return halves[:, :columns].to(torch.int8) - _OFFSET
