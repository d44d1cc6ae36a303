"""Which weights belong to which head.

A layer keeps the projections of all its heads in two matrices. A head owns rows of
`qkv` (for its queries, keys and values) and columns of `output` (for its way back to
the residual stream); key/value heads that several query heads share belong to each.

Next: `weight_change` and `gradients`, which measure them.
"""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.config import ModelConfig


def head_weights(
    tensors: Mapping[str, Tensor], config: ModelConfig, layer: int, head: int
) -> dict[str, Float[Tensor, "row column"]]:
    """Cut one head's four matrices out of a model's tensors.

    Args:
        tensors: By parameter name: weights, or anything shaped like them, such as
            gradients.
        config: The model's settings.
        layer: Which block.
        head: Which query head.

    Returns:
        `q`, `k`, `v` [d_head d_model] and `o` [d_model d_head]. Biases are left out.
    """
    d_head, width = config.d_head, config.num_heads * config.d_head
    kv_head = head * config.kv_heads // config.num_heads
    kv_width = config.kv_heads * d_head
    qkv = tensors[f"blocks.{layer}.attn.qkv.weight"]
    output = tensors[f"blocks.{layer}.attn.output.weight"]
    starts = {
        "q": head * d_head,
        "k": width + kv_head * d_head,
        "v": width + kv_width + kv_head * d_head,
    }
    parts = {name: qkv[start : start + d_head] for name, start in starts.items()}
    return {**parts, "o": output[:, head * d_head : (head + 1) * d_head]}


def head_norms(
    tensors: Mapping[str, Tensor], config: ModelConfig
) -> Float[np.ndarray, "layer head"]:
    """Compute the Frobenius norm of each head's four matrices together."""
    norms = np.zeros((config.num_layers, config.num_heads))
    for layer, head in np.ndindex(norms.shape):
        parts = head_weights(tensors, config, layer, head).values()
        each = torch.stack([part.detach().norm() for part in parts])
        norms[layer, head] = float(each.norm())
    return norms
