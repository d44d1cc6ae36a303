"""PEFT's LoRA adapters, added to the weights of the model that they were learned on.

    W + scale · B A,    scale = alpha / rank, or alpha / √rank (`use_rslora`)

An adapter holds A and B alone. It names its base, but a file's word is no reason to
open another file: who opens an adapter says which base is meant.

Source: Hu et al. 2021, arXiv:2106.09685, eq. 3; the names are those of `peft`.
"""

import math
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from minigpt.checkpoint.metadata import read_json
from minigpt.checkpoint.tensors import read_tensors, require_finite
from minigpt.errors import CheckpointError
from minigpt.pretrained.weights import Weights

ADAPTER_FILE = "adapter_config.json"
ADAPTER_WEIGHTS_FILE = "adapter_model.safetensors"
_LARGEST = 2**20
"""No rank is larger, and no alpha."""
_NAME = re.compile(r"base_model\.model\.(.+)\.lora_(A|B)(?:\.default)?\.weight")
# Any other value would mean a sum of another kind, or another base.
_REQUIRED: dict[str, tuple[Any, ...]] = {
    "peft_type": ("LORA",),
    "bias": ("none", None),
    "use_dora": (False, None),
    "lora_bias": (False, None),
    "modules_to_save": (None, []),
    "rank_pattern": ({}, None),
    "alpha_pattern": ({}, None),
    "trainable_token_indices": (None, []),
    "init_lora_weights": (True, False, "gaussian", "orthogonal", None),
}


class Adapter:
    """What PEFT learned: a change for some of a model's matrices.

    Args:
        directory: With `adapter_config.json` and `adapter_model.safetensors`.

    Raises:
        CheckpointError: If a file is missing or damaged, or it is more than a LoRA.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        settings = read_json(directory / ADAPTER_FILE)
        others = [
            f"{name} is {settings[name]!r:.60}"
            for name, allowed in _REQUIRED.items()
            if name in settings and settings[name] not in allowed
        ]
        rank, alpha = settings.get("r", 0), settings.get("lora_alpha", "missing")
        if type(rank) is not int or not 1 <= rank <= _LARGEST:
            others.append(f"r is {rank!r:.60}")
        if type(alpha) not in (int, float) or not abs(alpha) <= _LARGEST:  # or is nan
            others.append(f"lora_alpha is {alpha!r:.60}")
        if others:
            raise CheckpointError(
                f"{directory / ADAPTER_FILE}: {'; '.join(others)}, which this project "
                "cannot add to a base: merge it with peft's merge_and_unload()."
            )
        divisor = math.sqrt(rank) if settings.get("use_rslora") else rank
        self.scale = float(alpha) / divisor
        self.is_turned = settings.get("fan_in_fan_out") is True
        self.parts: dict[str, dict[str, Tensor]] = {}
        path = directory / ADAPTER_WEIGHTS_FILE
        for name, tensor in read_tensors(path).items():
            found = _NAME.fullmatch(name)
            if found is None or tensor.ndim != 2:
                raise CheckpointError(
                    f"{path}: the tensor {name!r:.120} is not a matrix of a LoRA: "
                    "merge the adapter with peft's merge_and_unload()."
                )
            require_finite(path, name, tensor)
            self.parts.setdefault(f"{found[1]}.weight", {})[found[2]] = tensor.float()

    def change(self, name: str, stored: Tensor) -> Tensor:
        """Return what is added to a tensor of the base, as it is stored there.

        Raises:
            CheckpointError: If the two do not fit.
        """
        parts = self.parts[name]
        fits = len(parts) == 2 and parts["A"].shape[0] == parts["B"].shape[1]
        change = self.scale * parts["B"] @ parts["A"] if fits else torch.empty(0)
        if change.ndim == 2 and self.is_turned:
            change = change.T
        if change.shape != stored.shape:
            raise CheckpointError(
                f"{self.directory}: its change of {name!r:.120} does not fit the "
                f"base's {list(stored.shape)}: name the base that it was learned on."
            )
        return change


class AdaptedWeights(Weights):
    """The weights of a base with an adapter's change added.

    Args:
        base: The base's.
        adapter: What is added.

    Raises:
        CheckpointError: If the adapter changes a tensor that the base does not have.
    """

    def __init__(self, base: Weights, adapter: Adapter) -> None:
        super().__init__(base.source, base.shape)
        self._base, self._adapter = base, adapter
        self._found = base._found
        for name in adapter.parts:
            if name not in base:
                raise CheckpointError(
                    f"{adapter.directory} changes {name!r:.120}, which the base, "
                    f"{base.source}, does not have: name the base that it was learned "
                    "on."
                )

    def read(self, name: str) -> Tensor:
        """Read one tensor, changed. See `Weights`."""
        stored = self._base.read(name)
        if name not in self._adapter.parts:
            return stored
        return stored.float() + self._adapter.change(name, stored)
