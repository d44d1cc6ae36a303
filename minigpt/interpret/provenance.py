"""Where a number comes from: its hook, its place in the tensor, its value."""

from dataclasses import dataclass

import torch

from minigpt.hooks import Hooked


@dataclass(frozen=True)
class Provenance:
    """One number of one hook."""

    hook: str
    index: tuple[int, ...]
    shape: tuple[int, ...]
    value: float


def trace(
    model: Hooked, tokens: list[int], hook: str, index: tuple[int, ...]
) -> Provenance:
    """Look one number up.

    Args:
        model: The model that made it.
        tokens: The ids it read.
        hook: `blocks.0.attn.hook_pattern`.
        index: Place in the hook's tensor, the batch (0) first.

    Raises:
        HookError: If there is no such hook.
    """
    device = next(model.parameters()).device
    with torch.inference_mode():
        _, cache = model.run_with_cache(
            torch.tensor([tokens], device=device), names_filter=hook
        )
    activation = cache[hook]
    return Provenance(
        hook, index, tuple(activation.shape), float(activation[index].item())
    )
