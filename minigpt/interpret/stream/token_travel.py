"""One token's residual stream, number by number: what it starts as, what is added.

    stream = embedding + Σ_block (attention + MLP)

`journey` keeps only the lengths of these vectors; here are the vectors themselves, of
one position. Next: `block_view` for the parts of one block, `attention_steps` for one
head.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.interpret.heads.attention_steps import require_place
from minigpt.model import TransformerLM


@dataclass(frozen=True)
class Addend:
    """One vector that is added to the stream, and the stream afterwards."""

    kind: Literal["embedding", "attention", "MLP"]
    layer: int
    """Which block; 0 for the embedding."""
    hook: str
    """Where the added vector is found."""
    added: Float[np.ndarray, " d_model"]
    stream: Float[np.ndarray, " d_model"]


@dataclass(frozen=True)
class TokenTravel:
    """What one token's stream is made of, in the order of the model."""

    position: int
    addends: list[Addend]
    embeddings: Float[np.ndarray, "pos d_model"]
    """What every token's stream starts as."""


def token_travel(model: TransformerLM, tokens: list[int], position: int) -> TokenTravel:
    """Follow one token's vector from its embedding to the end of the last block.

    Args:
        model: Any transformer.
        tokens: The text it reads.
        position: Of the token to follow.

    Raises:
        DataError: If there is no such position.
    """
    require_place(model, tokens, 0, 0, position)
    hooks = list(_hooks(model))
    names = [name for _, _, *both in hooks for name in both]
    with torch.inference_mode():
        _, cache = model.run_with_cache(
            torch.tensor([tokens], device=model.device), names_filter=names
        )
    addends = [
        Addend(
            kind,
            layer,
            added,
            _array(cache[added][0, position]),
            _array(cache[stream][0, position]),
        )
        for kind, layer, added, stream in hooks
    ]
    return TokenTravel(position, addends, _array(cache[addends[0].hook][0]))


def _hooks(
    model: TransformerLM,
) -> Iterator[tuple[Literal["embedding", "attention", "MLP"], int, str, str]]:
    """Yield kind, block, the hook of what is added and that of the stream after it."""
    # With learned positions, the stream starts as the sum of two embeddings.
    yield "embedding", 0, "blocks.0.hook_resid_pre", "blocks.0.hook_resid_pre"
    for layer in range(model.config.num_layers):
        here, has_mlp = f"blocks.{layer}.hook_", bool(model.config.mlp_width)
        middle = f"{here}resid_{'mid' if has_mlp else 'post'}"
        yield "attention", layer, f"{here}attn_out", middle
        if has_mlp:
            yield "MLP", layer, f"{here}mlp_out", f"{here}resid_post"


def _array(tensor: Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().float().cpu().numpy()
    return array
