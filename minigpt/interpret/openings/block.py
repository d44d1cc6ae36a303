"""Where one part of a block writes clearly more into the stream than the other."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.activation_cache import ActivationCache
from minigpt.checkpoint import Checkpoint
from minigpt.interpret.openings.opening import (
    Opening,
    held_out_prompts,
    transformer_of,
)
from minigpt.model import TransformerLM

RECORDED = ("hook_resid_pre", "hook_attn_out", "hook_mlp_out", "hook_result")
"""The third is in blocks with an MLP only."""
LEAST = 0.5
"""Of the stream's length: what writes less hardly shows in the sum."""
FIRST = 2
"""The first position to open at: before it there is little to read."""


def block_opening(checkpoint: Checkpoint) -> Opening | None:
    """Search the token and block where two lengths that are added differ most.

    Compared are what attention and the MLP write, where both show in the sum; without
    an MLP, the two heads that write most. Effects: `longer` and `shorter`, the two
    lengths, and `ratio`.

    Returns:
        The place, with the head that writes most there; None where a model has neither
        an MLP nor a second head, or no held-out prompt.
    """
    model = transformer_of(checkpoint)
    places = (
        place
        for prompt, tokens in held_out_prompts(checkpoint)
        for place in _places(model, prompt, tokens)
    )
    return max(places, key=lambda place: place.effects["ratio"], default=None)


def _places(model: TransformerLM, prompt: str, tokens: list[int]) -> Iterator[Opening]:
    """Measure every block at every token, from one run of the model."""
    with torch.inference_mode():
        _, cache = model.run_with_cache(
            torch.tensor([tokens], device=model.device),
            names_filter=lambda name: name.endswith(RECORDED),
        )
    for layer in range(model.config.num_layers):
        heads = cache["result", layer][0].norm(dim=-1)  # [pos head]
        lengths = _compared(cache, layer, heads)
        if lengths.shape[-1] < 2:
            return
        ordered = lengths.sort(dim=-1, descending=True).values[:, :2].tolist()
        strongest = heads.argmax(dim=-1).tolist()
        stream = cache["resid_pre", layer][0].norm(dim=-1).tolist()
        for token, (longer, shorter) in list(enumerate(ordered))[FIRST:]:
            if shorter < LEAST * stream[token]:
                continue
            ratio = longer / shorter
            effects = {"longer": longer, "shorter": shorter, "ratio": ratio}
            yield Opening(prompt, layer, strongest[token], token, effects)


def _compared(
    cache: ActivationCache, layer: int, heads: Float[Tensor, "pos head"]
) -> Float[Tensor, "pos part"]:
    """Return how much each part writes: attention and MLP, or else the heads."""
    names = [f"blocks.{layer}.hook_{part}" for part in ("attn_out", "mlp_out")]
    if names[1] not in cache:
        return heads
    return torch.stack([cache[name][0].norm(dim=-1) for name in names], dim=-1)
