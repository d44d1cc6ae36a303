"""Where to compute: the name of a device, resolved and checked."""

import warnings

import torch

from minigpt.errors import ConfigError


def resolve_device(name: str = "auto") -> torch.device:
    """Turn `auto`, `cpu`, `cuda`, `cuda:1` or `mps` into a device.

    `auto` prefers CUDA, then Apple's MPS, then the CPU. A device that this machine does
    not have falls back to the CPU, with a warning: the code of a tutorial written for a
    GPU runs everywhere.

    Raises:
        ConfigError: If torch knows no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            return torch.device("mps")
        return torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda", "mps"):
        raise ConfigError(
            f"device is {name!r}: choose auto, cpu, cuda, cuda:<number> or mps."
        )
    absent = (
        device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    ) or (device.type == "mps" and not torch.backends.mps.is_available())
    if absent:
        warnings.warn(f"This machine has no {name}: using the CPU.", stacklevel=2)
        return torch.device("cpu")
    return device
