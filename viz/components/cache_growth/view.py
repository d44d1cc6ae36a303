"""The cache as it grows: each token adds a key and a value to every layer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from viz.attention import Array, pack_bytes
from viz.components.shared.mounting import register
from viz.tokens import display_pieces

MIDDLE = 127
"""The level of 0; those of −limit and +limit are 0 and 254."""

_mount = register("cache_growth", "stepping")


@dataclass(frozen=True)
class CachePicture:
    """Keys and values of one head in every layer, and what they weigh.

    Raises:
        ValueError: If there is not one key and one value per layer and token.
    """

    pieces: Sequence[str]
    """The text, token by token."""
    keys: Array
    """[layer pos d_head], of the head that is shown."""
    values: Array
    """[layer pos d_head]."""
    head: int
    """Which head is shown."""
    num_heads: int
    """How many of them each layer keeps."""
    bytes_per_token: int
    """What a token adds to the cache, all layers and heads together."""
    arithmetic: str
    """How that comes about: `4 layers × 4 heads × 32 numbers × 2 × 4 bytes`."""

    def __post_init__(self) -> None:
        """Check that keys and values fit the text and each other."""
        if np.shape(self.keys) != np.shape(self.values):
            raise ValueError(
                f"Keys {np.shape(self.keys)} and values {np.shape(self.values)} differ."
            )
        if np.shape(self.keys)[1] != len(self.pieces):
            raise ValueError(
                f"{len(self.pieces)} tokens but {np.shape(self.keys)[1]} keys."
            )


def cache_growth(picture: CachePicture, *, key: str) -> None:
    """Show the cache token by token: what is kept, and what is computed now.

    A column is a token; in every layer its key and its value stand below each other as
    coloured numbers. Next, Back and Space read one token more or less. The column
    computed at this step is framed; all others are only read.

    Args:
        picture: What the cache holds after the whole text.
        key: The view's name on this page.
    """
    layers, _, width = np.shape(picture.keys)
    _mount(
        key=key,
        data={
            "pieces": display_pieces(picture.pieces),
            "layers": layers,
            "width": width,
            "head": picture.head,
            "heads": picture.num_heads,
            "keys": [_levels(each) for each in np.asarray(picture.keys)],
            "values": [_levels(each) for each in np.asarray(picture.values)],
            "bytesPerToken": int(picture.bytes_per_token),
            "arithmetic": picture.arithmetic,
        },
    )


def _levels(vectors: Array) -> str:
    """Pack vectors [pos d_head] as shades, a row per number and a column per token."""
    numbers = np.asarray(vectors, dtype=np.float64).T
    limit = float(np.abs(numbers).max(initial=0.0)) or 1.0
    return pack_bytes((np.rint(numbers / limit * MIDDLE) + MIDDLE).astype(np.uint8))
