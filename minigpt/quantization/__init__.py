"""Quantization: weights rounded to a grid and kept in 8 or 4 bits, in reading order.

Rounding, packing, a matrix, the layers, the model; then what is only faster.
"""

from minigpt.quantization.layers import (
    QuantizedEmbedding,
    QuantizedLinear,
    QuantizedPositions,
)
from minigpt.quantization.matrix import QuantizedMatrix
from minigpt.quantization.models import dequantize, quantize, stored_bytes
from minigpt.quantization.rounding import rounded

__all__ = [
    "QuantizedEmbedding",
    "QuantizedLinear",
    "QuantizedMatrix",
    "QuantizedPositions",
    "dequantize",
    "quantize",
    "rounded",
    "stored_bytes",
]
