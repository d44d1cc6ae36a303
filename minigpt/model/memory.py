"""Whether a model fits: asked before a single weight is allocated."""

import torch

from minigpt.config import MLPConfig, ModelConfig
from minigpt.errors import ConfigError
from minigpt.machine_memory import memory_of
from minigpt.model.sizes import num_parameters

BYTES_PER_WEIGHT = 4


def require_memory(config: ModelConfig | MLPConfig, copies: int = 1) -> None:
    """Refuse a model whose weights exceed the memory that this process may use.

    Args:
        config: The model's sizes.
        copies: How many times each weight is held: 1 to run the model, 4 to train it
            (weight, gradient, and AdamW's two averages).

    Raises:
        ConfigError: If they do not fit, with the numbers.
    """
    if torch.get_default_device().type == "meta":  # a skeleton takes no memory
        return
    weights = num_parameters(config)
    needed = weights * BYTES_PER_WEIGHT * copies
    available = memory_of().total
    if needed > available:
        raise ConfigError(
            f"A model of {weights / 1e6:,.0f} M parameters needs "
            f"{needed / 1e9:,.0f} GB, and this machine has {available / 1e9:,.0f} GB: "
            "reduce vocab_size, d_model, num_layers or max_seq_len."
        )
