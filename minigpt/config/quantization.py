"""How a model's weights are rounded: how many bits, and which numbers share a grid."""

from typing import Literal

from pydantic import Field

from minigpt.config.base import Config


class QuantizationConfig(Config):
    """The grid that weights are rounded to. See `minigpt.quantization`."""

    bits: Literal[4, 8] = Field(
        8,
        description="Bits of each weight: 8 (up to 256 points) or 4 (up to 16).",
    )
    group_size: int | None = Field(
        None,
        ge=2,
        le=65_536,
        description="At most this many neighbours of a row share one scale (none: the "
        "whole row, which is one output channel).",
    )
    zero_point: bool = Field(
        False,
        description="Let each grid span its weights from the lowest to the highest, "
        "instead of as far below zero as above it.",
    )

    def __str__(self) -> str:
        """Say it in a few words: `int4, groups of 64, with zero points`."""
        sharing = "one scale per row"
        if self.group_size is not None:
            sharing = f"groups of {self.group_size}"
        zero = ", with zero points" if self.zero_point else ""
        return f"int{self.bits}, {sharing}{zero}"


def standard_quantization(bits: Literal[4, 8]) -> QuantizationConfig:
    """Return the grid that keeps nearly all of the quality at a width.

    With 255 points, one symmetric grid for a row is fine enough. With 15, one large
    weight would make the steps coarse for its whole row, so each group of 64 has a grid
    of its own; and so few neighbours seldom lie evenly around zero, so each grid has a
    zero point: a symmetric one would leave some of its few points unused.

    >>> str(standard_quantization(4))
    'int4, groups of 64, with zero points'
    """
    if bits == 8:
        return QuantizationConfig(bits=8)
    return QuantizationConfig(bits=4, group_size=64, zero_point=True)
