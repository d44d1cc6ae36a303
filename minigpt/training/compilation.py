"""Compilation: many small operations of a model become few large ones.

A GPU finishes a small operation sooner than Python can ask for the next; fused by
`torch.compile`, they are asked for once. It takes about a minute, and then every step
gains. A CPU is busy with the matrix products themselves: there nothing is gained.

Before: `precision`, the other choice that depends on the machine. Next: `step`.
"""

from importlib.util import find_spec
from typing import Any, cast

import torch
from torch import nn

from minigpt.config import TrainConfig
from minigpt.training.precision import uses_half


def is_compiled(config: TrainConfig, device: torch.device) -> bool:
    """Whether the model is compiled: as configured, or where it pays."""
    if config.compile != "auto":
        return config.compile == "on"
    # torch compiles for CUDA with Triton, which some systems do not have. Whether it
    # pays for a model whose parts lie on several processes, nobody has tried here.
    return (
        not config.shard and device.type == "cuda" and find_spec("triton") is not None
    )


def compiled(model: nn.Module, config: TrainConfig, device: torch.device) -> nn.Module:
    """Return what trains the model: the model itself, or a compiled form of it.

    Both hold the same weights. The model itself stays as it is, to be evaluated, saved
    and looked into: in the compiled form hook points are gone.
    """
    if not is_compiled(config, device):
        return model
    return cast(nn.Module, torch.compile(model))


def computed_with(config: TrainConfig, device: torch.device) -> dict[str, Any]:
    """Say what the settings left open came to, for the provenance of checkpoints."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {
        "device": name,
        "precision": "bfloat16" if uses_half(config, device) else "float32",
        "compile": is_compiled(config, device),
    }
