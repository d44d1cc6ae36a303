"""The layers of a quantized model: as the ones they replace, from rounded weights.

`weight` is the matrix as ordinary numbers, so that whatever reads it (hooks, lenses,
circuits) need not know how it is stored. Only the weights are rounded: activations stay
as they are, so every hook sees the numbers that are computed with.

Before: `matrix`. Next: `models`, which puts these layers into a model.
"""

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from minigpt.errors import DataError
from minigpt.quantization.matrix import QuantizedMatrix


class QuantizedLayer(nn.Module):
    """What all of them have: a matrix of integers, and `weight`, what it stands for.

    Args:
        matrix: The rounded weights.
    """

    def __init__(self, matrix: QuantizedMatrix) -> None:
        super().__init__()
        self.matrix = matrix

    @property
    def weight(self) -> Float[Tensor, "row column"]:
        """The rounded weights as ordinary numbers, computed at each use."""
        weight: Tensor = self.matrix()
        return weight


class QuantizedLinear(QuantizedLayer):
    """A linear layer: y = x Wᵀ + b, with W rounded and b as it was.

    This is the definition: W is written out, used and forgotten. The integers save
    memory and disk; time they save only where `fast_products` multiplies by them.

    Args:
        matrix: W, [out in].
        bias: b, or None.
    """

    def __init__(self, matrix: QuantizedMatrix, bias: nn.Parameter | None) -> None:
        super().__init__(matrix)
        self.bias = bias

    def forward(self, x: Float[Tensor, "*batch in"]) -> Float[Tensor, "*batch out"]:
        """Map as a linear layer with these weights does."""
        return F.linear(x, self.weight, self.bias)


class QuantizedEmbedding(QuantizedLayer):
    """A table of vectors: only the rows that are looked up are written out.

    Args:
        matrix: The rounded table.
        scale: Factor on what is looked up.
    """

    def __init__(self, matrix: QuantizedMatrix, scale: float = 1.0) -> None:
        super().__init__(matrix)
        self.scale = scale

    def forward(
        self, tokens: Int[Tensor, "batch pos"]
    ) -> Float[Tensor, "batch pos d_model"]:
        """Look up each token's row.

        Raises:
            DataError: If an id is not in the vocabulary.
        """
        try:
            return self.matrix.rows(tokens) * self.scale
        except IndexError:
            raise DataError(
                f"Tokens lie between {int(tokens.min())} and {int(tokens.max())}; this "
                f"model knows ids 0 to {self.matrix.shape[0] - 1}."
            ) from None


class QuantizedPositions(QuantizedLayer):
    """A learned vector for each position, rounded."""

    def forward(self, start: int, length: int) -> Float[Tensor, "pos d_model"]:
        """Return the vectors of positions start … start + length − 1."""
        return self.weight[start : start + length]
