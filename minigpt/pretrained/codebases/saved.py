"""What a program saved with `torch.save`: weights by name, and settings, if any.

Programs save a model's weights alone, or beside their optimizer and settings; each has
other words for it. Few of them write down everything: what is missing is looked for in
a JSON file beside the weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from minigpt.checkpoint.metadata import CONFIG_FILE, read_json
from minigpt.errors import CheckpointError
from minigpt.pretrained.codebases.unpickled import read_torch
from minigpt.pretrained.weights import bare_name

_WEIGHTS = ("model", "model_state_dict", "state_dict")
_SETTINGS = ("model_args", "config", "model_config")
_META_FILE = "params.json"
"""What Meta's Llamas have beside them."""
_HEADS = ("n_head", "n_heads", "num_heads")


@dataclass
class Saved:
    """A file of `torch.save`, unpacked."""

    path: Path
    tensors: dict[str, Tensor]
    """By their names, without what torch.compile or DDP put before them."""
    settings: dict[str, Any]
    """From the file, or from a JSON file beside it."""
    notes: list[str] = field(default_factory=list)
    """What was assumed: sentences for the reader."""

    def tensor(self, name: str) -> Tensor:
        """Return a tensor.

        Raises:
            CheckpointError: If it is missing.
        """
        if name not in self.tensors:
            raise CheckpointError(f"{self.path}: the tensor {name!r} is missing.")
        return self.tensors[name]

    def size(self, name: str, axis: int = 0) -> int:
        """Return one size of a matrix.

        Raises:
            CheckpointError: If it is missing, or is no matrix.
        """
        tensor = self.tensor(name)
        if tensor.ndim != 2:
            raise CheckpointError(
                f"{self.path}: the tensor {name!r} has shape {list(tensor.shape)}, and "
                "should be a matrix."
            )
        return tensor.shape[axis]

    def count(self, prefix: str) -> int:
        """Count the blocks whose tensors' names begin with a prefix and a number."""
        numbers = {
            name.removeprefix(prefix).split(".")[0]
            for name in self.tensors
            if name.startswith(prefix)
        }
        return len(numbers)

    def num_heads(self, d_model: int, usual: Mapping[int, int]) -> int:
        """Return the number of heads, which no tensor's shape tells.

        Args:
            d_model: The model's width.
            usual: Heads by width, in the models that this program is known for.

        Raises:
            CheckpointError: If nothing says how many.
        """
        for name in _HEADS:
            given = self.settings.get(name)
            if type(given) is int and given > 0:
                return given
        if d_model not in usual:
            raise CheckpointError(
                f"{self.path} does not say how many heads it has: write "
                f'{{"n_heads": 4}}, or what it is, into {self._json_beside.name} '
                "beside it."
            )
        self.notes.append(
            f"The file does not say how many heads: assumed are {usual[d_model]}, as "
            f"its program has them at a width of {d_model}."
        )
        return usual[d_model]

    @property
    def _json_beside(self) -> Path:
        return self.path.with_suffix(".json")


def read_saved(path: Path) -> Saved:
    """Read a file of `torch.save`, and the settings beside it.

    Raises:
        CheckpointError: If it cannot be read, or holds no weights.
    """
    content = {str(name): value for name, value in read_torch(path).items()}
    weights: Mapping[Any, Any] = next(
        (content[name] for name in _WEIGHTS if isinstance(content.get(name), dict)),
        content,
    )
    tensors = {
        bare_name(str(name)): tensor
        for name, tensor in weights.items()
        if isinstance(tensor, Tensor)
    }
    if not tensors:
        raise CheckpointError(f"{path} holds no weights: save a model's state_dict.")
    for name, tensor in tensors.items():  # before anybody compares or reshapes them
        if tensor.is_meta or tensor.layout != torch.strided:
            kind = "meta" if tensor.is_meta else tensor.layout
            raise CheckpointError(
                f"{path}: the tensor {name!r:.80} has type {kind}; weights are plain "
                "numbers: save a model's state_dict."
            )
    inside = next(
        (content[name] for name in _SETTINGS if isinstance(content.get(name), dict)),
        None,
    )
    settings = _beside(path) if inside is None else inside
    return Saved(path, tensors, {str(name): each for name, each in settings.items()})


def _beside(path: Path) -> dict[str, Any]:
    own = path.with_suffix(".json").name
    meta = f"meta{own.removeprefix('model')}"  # nanochat's
    names = (own, CONFIG_FILE, _META_FILE, meta)
    for file in map(path.with_name, names):
        if file.is_file():
            found = read_json(file)
            for part in ("model", "model_config"):  # minGPT's and nanochat's have more
                if isinstance(found.get(part), dict):
                    return dict(found[part])
            return found
    return {}
