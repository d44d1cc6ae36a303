"""Drawing one token in NumPy: temperature, top-k and the race of `sample`.

Of a small vocabulary a filter is a handful of additions; torch takes longer to begin
than to add. `filters` and `sample.draw_token` are the definition; a test holds these to
them.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.config import GenerationConfig
from minigpt.generation.filters import COLDEST, REMOVED, reads_text

FEW_TOKENS = 2**12
"""Of a vocabulary larger than this, torch finds the k-th likeliest sooner."""


def can_draw_fast(logits: Float[Tensor, "1 vocab"], config: GenerationConfig) -> bool:
    """Whether a token is drawn here: from few, on the CPU, by the usual settings."""
    is_usual = config.top_p is None and config.min_p is None and not reads_text(config)
    is_warm = config.strategy == "sampling" and config.temperature >= COLDEST
    is_small = logits.shape[-1] <= FEW_TOKENS and logits.device.type == "cpu"
    return is_usual and is_warm and is_small


def draw_fast(
    logits: Float[Tensor, "1 vocab"], config: GenerationConfig, random: torch.Generator
) -> tuple[int, Float[Tensor, "1 vocab"], Float[Tensor, " vocab"]]:
    """Filter the logits and draw a token.

    Args:
        logits: The model's scores, as `can_draw_fast` wants them.
        config: Temperature and top-k.
        random: Where the random numbers come from.

    Returns:
        The token, the filtered logits, and the waits (see `draw_token`).
    """
    filtered = logits.numpy()[0] / np.float32(config.temperature)
    if config.top_k is not None and config.top_k < len(filtered):
        kth = np.partition(filtered, -config.top_k)[-config.top_k]
        filtered[filtered < kth] = REMOVED
    waits = torch.empty(len(filtered)).exponential_(generator=random)
    # Probabilities but for a common factor, which decides no race. (Of a diverged
    # model they are none; whoever reads the logits says so.)
    with np.errstate(invalid="ignore"):
        weights = np.exp(filtered - filtered.max())
    token = int((weights / waits.numpy()).argmax())
    return token, torch.from_numpy(filtered[None]), waits
