"""Products of a decoder: x ↦ x Wᵀ + b, in the way that is quickest for their sizes.

For one new token a product reads the whole matrix and multiplies each number of it
once, or a few times for a few texts: the time is that of reading. So it matters in what
order the numbers lie, and who reads them.

Before: `fast_decoding`, whose matrices these are.
"""

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from minigpt.generation.fast_parts import Map
from minigpt.quantization.fast_products import fast_product

FITS_CACHE = 2**18
"""A matrix of so many numbers (1 MB) may stay in the processor's cache; a larger one
comes from memory each time, and reading it takes longer than multiplying."""

TORCH_SOONER = 2**19
"""For several rows that multiply more numbers than this, rows counted, torch's product
is quicker, up to 1.6 times; for fewer it takes longer to begin than NumPy."""

FEW_TEXTS = 8
"""For so many rows at most, oneDNN's order of a matrix is quicker than its own."""


class FastMatrices:
    """Makes products of layers, for one number of texts.

    Args:
        num_texts: How many rows x will have.
        copies: See `fast_decoding.Decoder`.
    """

    def __init__(self, num_texts: int, copies: bool) -> None:
        self.num_texts, self.copies = num_texts, copies
        self.shares_work_in_torch = False
        """Whether one of the products made so far is torch's, which has threads."""

    def product(self, layer: nn.Module) -> Map:
        """Return x ↦ x Wᵀ + b, of a linear layer or of a table of vectors."""
        bias = getattr(layer, "bias", None)
        bias = None if bias is None else bias.detach()
        multiply = fast_product(layer, larger_than=FITS_CACHE)
        if multiply is None:
            weight = cast(Tensor, layer.weight).detach()
            if self.num_texts == 1:
                return self._of_one_row(weight, bias)
            if weight.numel() <= FITS_CACHE:
                return self._of_few_numbers(weight, bias)
            self.shares_work_in_torch = True
            return self._of_many_numbers(weight, bias)
        self.shares_work_in_torch = True
        if bias is None:
            return multiply
        shift = bias.numpy()
        return lambda x: multiply(x) + shift

    def _of_one_row(self, weight: Tensor, bias: Tensor | None) -> Map:
        # Long rows are read in order as they are: turning them would gain nothing.
        d_out, d_in = weight.shape
        is_long = weight.numel() > FITS_CACHE and d_in > d_out
        is_turned = self.copies and not is_long
        return _in_numpy(weight.t().contiguous() if is_turned else weight.t(), bias)

    def _of_few_numbers(self, weight: Tensor, bias: Tensor | None) -> Map:
        # For several rows NumPy's product of a turned matrix is four times as quick.
        turned = weight.t().contiguous()
        in_numpy, in_torch = _in_numpy(turned, bias), _in_torch(turned, bias)
        most_rows = TORCH_SOONER // weight.numel()
        if self.num_texts <= most_rows:
            return in_numpy
        self.shares_work_in_torch = True
        return lambda x: in_numpy(x) if len(x) <= most_rows else in_torch(x)

    def _of_many_numbers(self, weight: Tensor, bias: Tensor | None) -> Map:
        # torch reads a large matrix once for all rows, NumPy does not.
        has_onednn: bool = torch._C._has_mkldnn
        if has_onednn and self.copies and self.num_texts <= FEW_TEXTS:
            return _in_onednn(weight, bias, self.num_texts)
        return _in_torch(weight.t(), bias)


def _in_numpy(turned: Tensor, bias: Tensor | None) -> Map:
    matrix = turned.numpy()
    if bias is None:
        return lambda x: x.dot(matrix)
    shift = bias.numpy()
    return lambda x: x.dot(matrix) + shift


def _in_torch(turned: Tensor, bias: Tensor | None) -> Map:
    if bias is None:
        return lambda x: torch.mm(torch.from_numpy(x), turned).numpy()
    return lambda x: torch.addmm(bias, torch.from_numpy(x), turned).numpy()


def _in_onednn(weight: Tensor, bias: Tensor | None, rows: int) -> Map:
    """Return x ↦ x Wᵀ + b by a copy in the order in which oneDNN reads it."""
    onednn = torch.ops.mkldnn
    packed = onednn._reorder_linear_weight(weight, rows)

    def multiply(x: np.ndarray) -> np.ndarray:
        product: Tensor = onednn._linear_pointwise(
            torch.from_numpy(x), packed, bias, "none", [], ""
        )
        return product.numpy()

    return multiply
