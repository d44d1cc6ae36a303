"""Activations and their slopes, in symbols and in plain Python.

Before: the model's own, in `minigpt.model.feedforward`. Next: `feedforward` and
`gradients`, which work single neurons out with these.
"""

import math
from collections.abc import Callable


def _gelu(x: float) -> float:
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _gelu_exact(x: float) -> float:
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


def _gelu_slope(x: float) -> float:
    root = math.sqrt(2 / math.pi)
    t = math.tanh(root * (x + 0.044715 * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * root * (1 + 3 * 0.044715 * x * x)


def _gelu_exact_slope(x: float) -> float:
    below = 0.5 * (1 + math.erf(x / math.sqrt(2)))
    return below + x * math.exp(-x * x / 2) / math.sqrt(math.tau)


def _silu_slope(x: float) -> float:
    s = 1 / (1 + math.exp(-x))
    return s * (1 + x * (1 - s))


ACTIVATIONS: dict[str, tuple[str, Callable[[float], float]]] = {
    "gelu": ("½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))", _gelu),
    "gelu_exact": ("½ x (1 + erf(x / √2))", _gelu_exact),
    "relu": ("max(0, x)", lambda x: max(0.0, x)),
    "relu2": ("max(0, x)²", lambda x: max(0.0, x) ** 2),
    "swiglu": ("x / (1 + exp(−x))", lambda x: x / (1 + math.exp(-x))),
}
ACTIVATIONS["geglu"] = ACTIVATIONS["gelu"]
"""Each activation in symbols, and in plain Python."""
GATED = {"swiglu": "silu", "geglu": "gelu"}
"""What bends a neuron, where a second projection scales it."""
SLOPES: dict[str, tuple[str, Callable[[float], float]]] = {
    "gelu": (
        "½ (1 + t) + ½ x (1 − t²) √(2/π) (1 + 0.134145 x²), "
        "t = tanh(√(2/π) (x + 0.044715 x³))",
        _gelu_slope,
    ),
    "gelu_exact": (
        "½ (1 + erf(x / √2)) + x exp(−x² / 2) / √(2π)",
        _gelu_exact_slope,
    ),
    "relu": ("1 where x > 0, else 0", lambda x: float(x > 0)),
    "relu2": ("2 max(0, x)", lambda x: 2 * max(0.0, x)),
    "swiglu": ("s (1 + x (1 − s)), s = 1 / (1 + exp(−x))", _silu_slope),
}
SLOPES["geglu"] = SLOPES["gelu"]
"""The slope of each activation in symbols, and in plain Python."""
