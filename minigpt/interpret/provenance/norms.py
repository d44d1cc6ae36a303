"""Norms: the size that a vector is divided by, and the vector of known size.

LayerNorm and RMSNorm differ in one step, the centring. Which vector a norm reads is
given by the table of rules.
"""

import math
from collections.abc import Callable

import numpy as np

from minigpt.interpret.provenance.site import Site, doubles
from minigpt.interpret.provenance.working import (
    Operands,
    Vector,
    Working,
    along,
    number,
    spell_sum,
)
from minigpt.model.norm import LayerNorm

Read = Callable[[Site], Vector]


def scale(read: Read) -> Callable[[Site], Working]:
    """Return the rule of the number that a norm divides by.

    Args:
        read: Finds the vector that the norm reads.
    """

    def rule(site: Site) -> Working:
        norm, x = site.module, read(site)
        centered = _centered(norm, x)
        squares = centered**2
        columns = {"x": x, _reading(norm): centered, "squared": squares}
        terms = spell_sum((f"{number(value)}²" for value in centered), squares)
        return Working(
            f"√(mean(({_reading(norm)})²) + ε)",
            along("d_model", columns),
            f"√(({terms}) / {len(x)} + {norm.eps:g})",
            math.sqrt(squares.mean() + norm.eps),
        )

    return rule


def normalized(read: Read) -> Callable[[Site], Working]:
    """Return the rule of one number of the vector that a norm gives."""

    def rule(site: Site) -> Working:
        *place, dimension = site.index[1:]
        norm, x = site.module, read(site)
        centered = _centered(norm, x)
        path = site.hook.rpartition(".")[0]
        size = float(site.value(f"{path}.hook_scale", *place, 0))
        top = number(x[dimension])
        if isinstance(norm, LayerNorm):
            top = f"({top} − {number(x.mean())})"
        return Working(
            f"({_reading(norm)}) / scale",
            along("d_model", {"x": x, _reading(norm): centered}, dimension),
            f"{top} / {number(size)}",
            float(centered[dimension]) / size,
        )

    return rule


def output(site: Site, path: str, *place: int) -> Vector:
    """Return what a norm hands on: the normalized vector, scaled and shifted.

    Args:
        site: Of a number that was made from it.
        path: The norm's: `blocks.0.ln1`.
        place: After the batch.
    """
    norm = site.model.get_submodule(path)
    x = site.value(f"{path}.hook_normalized", *place)
    if norm.weight is not None:
        x = x * doubles(norm.weight)
    bias = getattr(norm, "bias", None)
    return x if bias is None else x + doubles(bias)


def scaled_and_shifted(site: Site, path: str) -> Working:
    """Work out one number that a norm hands on. Arguments as for `output`."""
    *place, dimension = site.index[1:]
    norm = site.model.get_submodule(path)
    value = float(site.value(f"{path}.hook_normalized", *place, dimension))
    factors = {"normalized": value}
    formula, arithmetic = "normalized", number(value)
    if norm.weight is not None:
        factors["weight"] = float(doubles(norm.weight[dimension]))
        formula += " × weight"
        arithmetic += f" × {number(factors['weight'])}"
    shift = getattr(norm, "bias", None)
    if shift is not None:
        factors["bias"] = float(doubles(shift[dimension]))
        formula += " + bias"
        arithmetic += f" + {number(factors['bias'])}"
    labels, values = tuple(factors), np.array(list(factors.values()))
    result = value * factors.get("weight", 1.0) + factors.get("bias", 0.0)
    return Working(
        formula, Operands("part", labels, {"value": values}), arithmetic, result
    )


def _centered(norm: object, x: Vector) -> Vector:
    return x - x.mean() if isinstance(norm, LayerNorm) else x


def _reading(norm: object) -> str:
    return "x − mean(x)" if isinstance(norm, LayerNorm) else "x"
