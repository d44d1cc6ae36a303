"""Where to compute: the name of a device, resolved and checked."""

import warnings

import torch

from minigpt.errors import ConfigError


def resolve_device(name: str = "auto") -> torch.device:
    """Turn `auto`, `cpu`, `cuda`, `cuda:1` or `mps` into a device.

    `auto` prefers CUDA, then Apple's MPS, then the CPU. Where a machine has no GPU,
    `cuda` and `mps` fall back to the CPU, with a warning: the code of a tutorial runs
    everywhere. A GPU of a number is one in particular, and nothing stands in for it.

    Raises:
        ConfigError: If torch knows no such device, or there is no GPU of that number.
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
    gpus = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= max(1, gpus):
        there = "no GPU" if gpus == 0 else f"cuda:0 to cuda:{gpus - 1}"
        raise ConfigError(f"device is {name!r}, and this machine has {there}.")
    absent = (device.type == "cuda" and gpus == 0) or (
        device.type == "mps" and not torch.backends.mps.is_available()
    )
    if absent:
        warnings.warn(f"This machine has no {name}: using the CPU.", stacklevel=2)
        return torch.device("cpu")
    return device
