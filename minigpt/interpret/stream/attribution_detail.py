"""One part's share of a logit, close up: its neurons, and the number that decides.

Before: `attribution`, every part's share.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from minigpt.interpret.stream.attribution import LogitPart
from minigpt.interpret.stream.logit_direction import (
    block_at,
    logit_direction,
    read_parts,
    unembedding,
)
from minigpt.model import TransformerLM


@dataclass(frozen=True)
class Neurons:
    """The neurons of one MLP, those that add most, either way, first."""

    neurons: Int[np.ndarray, " neuron"]
    activations: Float[np.ndarray, " neuron"]
    """`blocks.{layer}.mlp.hook_post` at the position."""
    shares: Float[np.ndarray, " neuron"]
    """Activation times what the neuron's output weights say; largest size first."""


@torch.inference_mode()
def rank_neurons(
    model: TransformerLM,
    tokens: list[int],
    position: int,
    layer: int,
    token: int,
    minus: int | None = None,
) -> Neurons:
    """Rank the neurons of one MLP by how much they add to a logit, or take from it.

    Args:
        model: With an MLP, in evaluation mode.
        tokens: Ids of the prompt.
        position: After which of them the logit is read.
        layer: Whose MLP.
        token: A, as in `attribute`.
        minus: B, as in `attribute`.
    """
    _, cache = read_parts(model, tokens[: position + 1])
    scale = cache["ln_final.hook_scale"][0, -1]
    direction = logit_direction(model.ln_final, unembedding(model, token, minus), scale)
    norm = block_at(model, layer).ln2_post
    if norm is not None:
        size = cache[f"blocks.{layer}.ln2_post.hook_scale"][0, -1]
        direction = logit_direction(norm, direction, size)
    fired = cache["post", layer][0, -1]  # [d_ff]
    shares = fired * (direction @ block_at(model, layer).mlp.output.weight)
    strongest = shares.abs().argsort(descending=True, stable=True)
    return Neurons(
        neurons=strongest.cpu().numpy(),
        activations=fired[strongest].cpu().numpy(),
        shares=shares[strongest].cpu().numpy(),
    )


@torch.inference_mode()
def decisive_entry(
    model: TransformerLM,
    tokens: list[int],
    position: int,
    part: LogitPart,
    token: int,
    minus: int | None = None,
) -> tuple[int, ...]:
    """Return the place, in a part's hook, of the number that does most for its share.

    Args:
        model: In evaluation mode.
        tokens: Ids of the prompt.
        position: After which of them the logit is read.
        part: With a hook: one of an `Attribution`'s.
        token: A, as in `attribute`.
        minus: B, as in `attribute`.

    Returns:
        (0, position, dimension), or for a head (0, position, head, dimension).
    """
    _, cache = read_parts(model, tokens[: position + 1])
    scale = cache["ln_final.hook_scale"][0, -1]
    weights = logit_direction(model.ln_final, unembedding(model, token, minus), scale)
    value = cache[str(part.hook)][0, -1]
    if part.layer is None or part.head is None:
        return 0, position, int((value * weights).abs().argmax())
    block = block_at(model, part.layer)
    if block.ln1_post is not None:
        size = cache[f"blocks.{part.layer}.ln1_post.hook_scale"][0, -1]
        weights = logit_direction(block.ln1_post, weights, size)
    output = block.attn.output.weight
    terms = value * (weights @ output).view(value.shape)  # [head d_head]
    return 0, position, part.head, int(terms[part.head].abs().argmax())
