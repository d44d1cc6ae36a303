"""Products with integers where they lie: what makes a large quantized model fast.

A new token multiplies each matrix by one vector, and reading a large matrix from memory
takes longer than multiplying. So a quarter of the bytes may be read in a quarter of the
time, if nobody writes the matrix out first. torch has products that read integers.
Those for one vector take it as bfloat16, with 8 significant bits, and give their sums
so: each is off by up to 1 in 256 of its size. A product of integers with integers is
exact: the vector is written as integers of 15 bits then (14 on a processor without
VNNI), in two halves, and both are multiplied at one reading of the matrix.
`QuantizedLinear` is the definition, and a test holds these to it.

Before: `models`. Next: `minigpt.generation.fast_decoding`, which calls them.
"""

import warnings
from collections.abc import Callable
from threading import Lock
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from minigpt.quantization.layers import QuantizedEmbedding, QuantizedLayer
from minigpt.quantization.matrix import QuantizedMatrix

GROUPS_OF_KERNEL = (32, 64, 128, 256)
ROWS_OF_KERNEL, COLUMNS_OF_KERNEL = 16, 32
"""What torch's products read at once. They do not check: other sizes may crash."""

ENGINE = "fbgemm"
ENGINES = torch.backends.quantized.supported_engines
_engine_of_process = Lock()
"""torch packs for the engine that the process has chosen."""

HALF = 128
"""What one of the upper halves of an integer counts, see `in_halves`."""
LARGEST = 127 if torch.cpu._is_vnni_supported() else 63
"""Of a half. Without VNNI, FBGEMM adds two products in 16 bits: 2 · 127 · 127 fits."""
TINY = np.float32(1e-30)

Map = Callable[[np.ndarray], np.ndarray]
"""Of a product: x [batch in] to x Wᵀ [batch out]. Of a lookup: ids to their rows."""


def fast_product(layer: nn.Module, *, larger_than: int) -> Map | None:
    """Return x ↦ x Wᵀ without writing W out, where torch can; else None.

    Args:
        layer: Any layer, on the CPU; a quantized one is read when the product is made.
        larger_than: A matrix of at most so many weights is quicker written out once.
    """
    if not isinstance(layer, QuantizedLayer):
        return None
    matrix, config = layer.matrix, layer.matrix.config
    rows, columns = matrix.shape
    if rows * columns <= larger_than or columns % COLUMNS_OF_KERNEL:
        return None
    if config.bits == 8 and matrix.groups == 1 and not config.zero_point:
        return _product_of_int8(matrix)
    fits = matrix.group_width in GROUPS_OF_KERNEL
    if config.bits == 4 and fits and columns % matrix.group_width == 0:
        return _product_of_int4(matrix)
    return None


def fast_lookup(embedding: nn.Module) -> Map:
    """Return ids ↦ their vectors; of a quantized table, only these are written out."""
    scale = np.float32(cast(float, embedding.scale))
    if isinstance(embedding, QuantizedEmbedding):
        matrix = embedding.matrix
        return lambda ids: matrix.rows(torch.from_numpy(ids)).numpy() * scale
    table = cast(Tensor, embedding.weight).detach().numpy()
    return lambda ids: table[ids] * scale


def _product_of_int8(matrix: QuantizedMatrix) -> Map:
    """Return the exact product where torch was built with FBGEMM, else bfloat16's."""
    integers, scales = matrix.integers, matrix.scales[:, 0].detach()
    if ENGINE in ENGINES:
        return _product_in_halves(integers, scales)
    # The kernel would round the scales to bfloat16 too: they are applied afterwards.
    ones = torch.ones(len(scales), dtype=torch.bfloat16)

    def multiply(x: np.ndarray) -> np.ndarray:
        halves = torch.from_numpy(x).bfloat16()
        sums = torch.ops.aten._weight_int8pack_mm(halves, integers, ones)
        product: Tensor = sums.float() * scales
        return product.numpy()

    return multiply


def _product_in_halves(integers: Tensor, scales: Tensor) -> Map:
    packed = _packed(integers, scales)
    # It takes integers as floats. FBGEMM's begin at 0: this is added, and taken off.
    shift = LARGEST + 1
    multiply_integers = (
        torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
    )

    def multiply(x: np.ndarray) -> np.ndarray:
        halves, unit = in_halves(x)
        sums: Tensor = multiply_integers(torch.from_numpy(halves), 1.0, shift, packed)
        upper, lower = sums.numpy()[: len(x)], sums.numpy()[len(x) :]
        return (upper * HALF + lower) * unit

    return multiply


def _packed(integers: Tensor, scales: Tensor) -> torch.ScriptObject:
    """Copy integers in the order in which FBGEMM reads them: thrice as quick."""
    zero_points = torch.zeros(len(scales), dtype=torch.long)
    with _engine_of_process, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.quantize", UserWarning)
        quantized = torch._make_per_channel_quantized_tensor(
            integers, scales.double(), zero_points, 0
        )
        before = torch.backends.quantized.engine
        torch.backends.quantized.engine = ENGINE
        try:
            return torch.ops.quantized.linear_prepack(quantized, None)
        finally:
            torch.backends.quantized.engine = before


def in_halves(
    x: Float[np.ndarray, "batch in"],
) -> tuple[Float[np.ndarray, "two_batch in"], Float[np.ndarray, "batch 1"]]:
    """Write numbers as x ≈ unit · (128 · upper + lower), in whole numbers.

    Returns:
        The upper halves, of at most `LARGEST`, above the lower ones, −64 to 63; and the
        unit of each row, 1 in 16,256 of its largest number (8,064 without VNNI): each
        number is off by half of it.
    """
    largest = np.abs(x).max(axis=1, keepdims=True)
    unit = np.maximum(largest, TINY) / np.float32(LARGEST * HALF)
    whole = np.rint(x / unit).astype(np.int16)
    upper = (whole + HALF // 2) // HALF
    return np.concatenate([upper, whole - HALF * upper]).astype(np.float32), unit


def _product_of_int4(matrix: QuantizedMatrix) -> Map:
    rows = matrix.shape[0]
    missing = -rows % ROWS_OF_KERNEL
    # The kernel's formula is scale · (q − 8) + zero, with q from 0 to 15.
    counted = matrix.unpacked().int() + 8
    counted = torch.nn.functional.pad(counted, (0, 0, 0, missing))
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(counted, 1)
    scales = matrix.scales.detach()
    zeros = torch.zeros_like(scales)
    if matrix.zero_points is not None:
        zeros = -scales * matrix.zero_points.float()
    both = torch.stack([scales, zeros], dim=-1).transpose(0, 1)  # [group row 2]
    both = torch.nn.functional.pad(both, (0, 0, 0, missing)).contiguous().bfloat16()
    width = matrix.group_width

    def multiply(x: np.ndarray) -> np.ndarray:
        halves = torch.from_numpy(x).bfloat16()
        sums: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(
            halves, packed, width, both
        )
        return sums[:, :rows].float().numpy()

    return multiply
