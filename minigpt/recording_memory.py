"""What recording costs, said before it is done, and refused when it would not fit.

Every activation is a row of numbers for each token, so a recording is as large as

    bytes = batch · pos · Σ width(hook) · bytes per number

Most rows are d_model wide. Scores and patterns are the exception that matters: a row
holds one number for each head and each token read, so they grow with pos².

Before: `minigpt.hooks`, which is about to record. Next: the pass itself.
"""

from collections.abc import Iterable

from torch import Tensor

from minigpt.config import MLPConfig, ModelConfig
from minigpt.errors import HookError
from minigpt.machine_memory import memory_of

ASKED_FROM = 2**26
"""Bytes. To ask the machine takes longer than to record less than this."""

KEPT_FREE = 0.1
"""Share of the free memory that the pass itself needs, besides what it leaves."""


def row_widths(config: ModelConfig | MLPConfig, keys: int) -> dict[str, int]:
    """Count the numbers that a hook sees for each token, where they are not d_model.

    >>> row_widths(ModelConfig(num_heads=4), keys=7)["hook_pattern"]
    28

    Args:
        config: The model's sizes.
        keys: How many tokens each one could read, itself included.

    Returns:
        By the last part of a hook's name, or the last two where that says more.
    """
    if isinstance(config, MLPConfig):
        return {
            "hook_window": config.context_size * config.d_model,
            "hook_pre": config.d_ff,
            "hook_post": config.d_ff,
        }
    heads, kv_width = config.num_heads, config.kv_heads * config.d_head
    return {
        "hook_k": kv_width,
        "hook_v": kv_width,
        "hook_rot_k": kv_width,
        "hook_value_embed": kv_width,
        "hook_attn_scores": heads * keys,
        "hook_pattern": heads * keys,
        "hook_result": heads * config.d_model,
        "hook_pre": config.mlp_width,
        "hook_pre_linear": config.mlp_width,
        "hook_post": config.mlp_width,
        # A norm divides each vector by one number; of qk_norm, each head's vector.
        "hook_scale": 1,
        "q_norm.hook_scale": heads,
        "k_norm.hook_scale": config.kv_heads,
        "k_norm.hook_normalized": kv_width,
    }


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
    special, width = row_widths(config, seen_before + pos), 0
    for name in names:
        place, _, hook = name.rpartition(".")
        own = f"{place.rpartition('.')[2]}.{hook}"
        width += special.get(own, special.get(hook, config.d_model))
    return batch * pos * width * bytes_per_number


def require_room(
    names: list[str],
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
    batch, pos = tokens.shape
    needed = copies * recorded_bytes(
        names,
        config,
        (batch, pos),
        seen_before=seen_before,
        bytes_per_number=weight.element_size(),
    )
    if needed < ASKED_FROM:
        return
    free = round(memory_of(weight.device).free * (1 - KEPT_FREE))
    if needed > free:
        what = "activations and their gradients" if copies > 1 else "activations"
        raise HookError(
            f"Recording {len(names)} {what} of {batch} × {pos} tokens needs "
            f"{needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB are free: "
            "shorten the prompt, or record less of it with names_filter, such as "
            "'*.hook_resid_post'."
        )
