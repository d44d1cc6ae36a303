"""How much memory a recording needs, checked before it is made.

Every activation is a row of numbers for each token, so a recording is as large as

    bytes = batch · pos · Σ width(hook) · bytes per number

Most rows are d_model wide. Scores and patterns are the exception that matters: a row
holds one number for each head and each token read, so they grow with pos².

Before: a model that is about to record. Next: the pass itself.
"""

from collections.abc import Iterable, Sequence

from torch import Tensor

from minigpt.config import MLPConfig, ModelConfig
from minigpt.errors import HookError
from minigpt.machine_memory import memory_of
from minigpt.model.sizes import row_width

FEW_TOKENS = 64
"""Recording so few takes less memory than the weights do, which are there already."""

KEPT_FREE = 0.1
"""Share of the free memory that the pass itself needs, besides what it leaves."""


def recorded_bytes(
    names: Iterable[str],
    config: ModelConfig | MLPConfig,
    shape: tuple[int, int],
    *,
    seen_before: int = 0,
    bytes_per_number: int = 4,
) -> int:
    """Predict the size of a recording, in bytes.

    Activations that share memory (the residual stream after a block is the one before
    the next) count each: this is the size of what comes back, and never too little.

    Args:
        names: The hooks that record.
        config: The model's sizes.
        shape: Of the tokens: batch and pos.
        seen_before: Tokens that a KV-cache holds already.
        bytes_per_number: 4 for float32, 2 for bfloat16.
    """
    batch, pos = shape
    width = sum(row_width(config, name, seen_before + pos) for name in names)
    return batch * pos * width * bytes_per_number


def widest_row(config: ModelConfig | MLPConfig, keys: int) -> int:
    """Bound how many numbers any hook sees for each token.

    Args:
        config: The model's sizes.
        keys: How many tokens each one could read, itself included.
    """
    if isinstance(config, MLPConfig):
        return max(config.context_size * config.d_model, config.d_ff)
    # A head's share of the stream is as wide as the stream itself.
    by_head = max(config.d_model, config.d_head, keys)
    return max(config.num_heads * by_head, config.mlp_width)


def require_room(
    names: Sequence[str],
    config: ModelConfig | MLPConfig,
    tokens: Tensor,
    weight: Tensor,
    *,
    seen_before: int = 0,
    copies: int = 1,
) -> None:
    """Refuse a recording that would not fit in the memory that is free.

    Args:
        names: The hooks that will record.
        config: The model's sizes.
        tokens: What it will read, [batch pos].
        weight: One of the model's weights: activations are of its type and device.
        seen_before: Tokens that a KV-cache holds already.
        copies: 2 if gradients are recorded too.

    Raises:
        HookError: If it would not fit: what it needs, what is there, what to do.
    """
    if tokens.numel() <= FEW_TOKENS or weight.is_meta:
        return
    batch, pos = tokens.shape
    free = round(memory_of(weight.device).free * (1 - KEPT_FREE))
    numbers = tokens.numel() * len(names) * widest_row(config, seen_before + pos)
    if copies * numbers * weight.element_size() <= free:
        return  # the exact size takes a skeleton model: seconds, the first time
    needed = copies * recorded_bytes(
        names,
        config,
        (batch, pos),
        seen_before=seen_before,
        bytes_per_number=weight.element_size(),
    )
    if needed > free:
        what = "activations and their gradients" if copies > 1 else "activations"
        raise HookError(
            f"Recording {len(names)} {what} of {batch} × {pos} tokens needs "
            f"{needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB are free: "
            "shorten the prompt, or record less of it with names_filter, such as "
            "'*.hook_resid_post'."
        )
