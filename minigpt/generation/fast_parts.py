"""The small parts of a model as NumPy functions: norms, RoPE, tables.

Next: `fast_decoding`, which puts them together.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from minigpt.model import TransformerLM
from minigpt.model.norm import LayerNorm, RMSNorm
from minigpt.model.positions import RotaryPositions

Array = np.ndarray

Map = Callable[[Array], Array]
"""Maps vectors to vectors, over the last axis."""


def norm_of(norm: LayerNorm | RMSNorm) -> Map:
    """Return a norm with its scale and shift."""
    weight = None if norm.weight is None else norm.weight.detach()
    eps = norm.eps
    if isinstance(norm, RMSNorm):
        gain = 1.0 if weight is None else array(weight)
        return lambda x: x / np.sqrt(_mean_square(x) + eps) * gain
    bias = None if norm.bias is None else norm.bias.detach()

    def normalize(x: Array) -> Array:
        numbers = torch.from_numpy(x)
        return torch.layer_norm(numbers, x.shape[-1:], weight, bias, eps).numpy()

    return normalize


def then(make: Map, norm: LayerNorm | RMSNorm | None) -> Map:
    """Return a map with a norm behind it, if there is one."""
    if norm is None:
        return make
    normalize = norm_of(norm)
    return lambda x: normalize(make(x))


def softcapping(cap: float | None) -> Map | None:
    """Return what bends numbers to stay within a cap, if there is one."""
    if cap is None:
        return None
    size = np.float32(cap)
    return lambda x: size * np.tanh(x / size)


def _mean_square(x: Array) -> Array:
    return np.vecdot(x, x)[..., None] / x.shape[-1]


def in_torch(function: Callable[[Tensor], Tensor]) -> Map:
    """Return a function of tensors as one of arrays, in the same memory."""
    return lambda x: function(torch.from_numpy(x)).numpy()


def turning(rotary: RotaryPositions) -> Callable[[Array, int | Array], Array]:
    """Return RoPE for a position; a pair is turned as a product of complex numbers.

    (a + ib)(cos + i sin): number i of the first half with number i of the second.
    """
    cos, sin = array(rotary.angles.cos()), array(rotary.angles.sin())
    # [pos 1 2 pair]
    cos, sin = np.stack([cos, cos], 1)[:, None], np.stack([-sin, sin], 1)[:, None]
    width = 2 * cos.shape[-1]

    def turn(x: Array, position: int | Array) -> Array:
        halves = x[..., :width].reshape(*x.shape[:2], 2, -1)  # [batch head 2 pair]
        turned = halves * cos[position] + halves[:, :, ::-1] * sin[position]
        turned = turned.reshape(*x.shape[:2], width)
        if width == x.shape[-1]:
            return turned
        return np.concatenate([turned, x[..., width:]], axis=-1)

    return turn


def absolute_positions(model: TransformerLM) -> Array | None:
    """Return what is added to the embeddings, [pos d_model], if anything."""
    if model.position_embedding is None:
        return None
    return array(model.position_embedding(0, model.config.max_seq_len))


def array(tensor: Tensor) -> Array:
    """Return a tensor's numbers as an array, in the same memory."""
    return tensor.detach().numpy()
