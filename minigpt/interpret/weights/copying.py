"""Copying: does a head raise the token that it reads? Its OV circuit in one number.

    copying = Σ λᵢ / Σ |λᵢ|,        λ: eigenvalues of OV [vocab vocab]

It is 1 where every eigenvalue is positive: whatever mixture of tokens the head reads,
it raises that mixture. It is −1 where it lowers what it reads, and near 0 where what is
raised is another token. The rank of OV is d_head, and its eigenvalues other than 0 are
those of a [d_head d_head] matrix:

    OV = X W_Vᵀ W_Oᵀ W_Uᵀ   →   W_Oᵀ (W_Uᵀ X) W_Vᵀ        W_Uᵀ X: once for all heads

Before: `token_maps`, which says what OV takes in and leaves out.

Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits", section
"Detecting copying behavior".
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.interpret.stream.logit_direction import block_at, held_norm
from minigpt.interpret.weights.token_maps import (
    alone,
    centred_unembedding,
    ov_map,
)
from minigpt.model import LayerNorm, TransformerLM

Square = Float[Tensor, "head d_head d_head"]

RANDOM_HEADS = 120
"""Behind the band of a copying score."""

AT_ONCE = 8
"""Random heads in memory."""


@dataclass(frozen=True)
class Copying:
    """The copying score of every head, and of heads of random weights."""

    scores: Float[np.ndarray, "layer head"]
    """From −1 to 1."""
    low: float
    """Where the band of random heads between the same embeddings begins …"""
    high: float
    """… and where it ends: 95% of them lie between."""


@torch.inference_mode()
def copying(model: TransformerLM) -> Copying:
    """Compute the copying score of every head.

    Args:
        model: The model.
    """
    config = model.config
    unembedding = centred_unembedding(model)
    read = _normalized(model)
    between = unembedding.T @ read  # [d_model d_model]
    scores = np.zeros((config.num_layers, config.num_heads))
    for layer in range(config.num_layers):
        block = block_at(model, layer)
        attention = block.attn
        weight = torch.split(attention.qkv.weight, attention.widths)[2]
        if block.ln1.weight is not None:
            weight = weight * block.ln1.weight
        read_values = between @ weight.T  # [d_model kv_width]
        if attention.value_embedding is not None:
            read_values = read_values + unembedding.T @ attention.value_embedding.weight
        group = attention.num_heads // attention.kv_heads
        by_head = (-1, config.d_head, config.d_model)
        values = read_values.T.reshape(by_head).repeat_interleave(group, dim=0)
        written = held_norm(block.ln1_post, attention.output.weight.T).reshape(by_head)
        scores[layer] = eigenvalue_share(written @ values.mT)
    return Copying(scores, *_band(between, config.d_head))


def eigenvalue_share(matrices: Square) -> Float[np.ndarray, " head"]:
    """Return Σ λ / Σ |λ| of each matrix; of one without eigenvalues other than 0, 0."""
    eigenvalues = torch.linalg.eigvals(matrices.double())
    size = eigenvalues.abs().sum(-1)
    share = eigenvalues.real.sum(-1) / size.clamp_min(1e-300)
    found: np.ndarray = share.cpu().numpy()
    return found


def share_raising_itself(
    model: TransformerLM, layer: int, head: int, tokens: list[int], among: int = 1
) -> float:
    """Return how many tokens are raised most, or among the most, by reading them.

    Args:
        model: The model.
        layer: Whose head.
        head: Which one.
        tokens: Which tokens are read.
        among: 1: most of the whole vocabulary; 5: among the five raised most.
    """
    rows = ov_map(model, layer, head, tokens)
    own = rows[np.arange(len(tokens)), tokens]
    return float(((rows > own[:, None]).sum(axis=1) < among).mean())


def _normalized(model: TransformerLM) -> Float[Tensor, "vocab d_model"]:
    """Return the embeddings alone as norms read them, before weight and shift."""
    norm = block_at(model, 0).ln1
    width = (model.config.d_model,)
    if isinstance(norm, LayerNorm):
        return torch.nn.functional.layer_norm(alone(model), width, eps=norm.eps)
    return torch.nn.functional.rms_norm(alone(model), width, eps=norm.eps)


def _band(
    between: Float[Tensor, "d_model d_model"], d_head: int
) -> tuple[float, float]:
    """Score heads of random weights between a model's own embeddings."""
    generator = torch.Generator().manual_seed(0)
    shape = (AT_ONCE, d_head, len(between))
    scores = []
    for _ in range(RANDOM_HEADS // AT_ONCE):
        written, read = torch.randn(2, *shape, generator=generator).to(between)
        scores.append(eigenvalue_share(written @ between @ read.mT))
    found = np.concatenate(scores)
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)
