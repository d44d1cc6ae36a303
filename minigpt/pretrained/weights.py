"""Loads weights from one or several safetensors files into a model.

All names and shapes are compared with the model before any number is read. Then one
tensor at a time is copied from the file into the model, so that loading takes little
more memory than the model itself.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from minigpt.checkpoint.metadata import read_json
from minigpt.checkpoint.tensors import read_header, require_finite, unreadable
from minigpt.errors import CheckpointError, near_names
from minigpt.pretrained.shape import Shape, WeightPlace

WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
TYPES = ("F32", "F16", "BF16")
"""Accepted types of tensors; all become 32 bits."""
TORCH_TYPES = (torch.float32, torch.float16, torch.bfloat16)
"""The same, by torch's names."""
_WRAPPING = re.compile(
    r"(?<![^.])(?:_orig_mod|module|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
)
"""What torch.compile, DDP, FSDP and checkpointing put into names; nothing is lost."""
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


class Weights(ABC):
    """Tensors by their full names in a shape, wherever they are stored.

    Args:
        source: The file or directory, for error messages.
        shape: Whose names they are.
    """

    def __init__(self, source: Path, shape: Shape) -> None:
        self.source = source
        self.shape = shape
        self._found: dict[str, tuple[Path, str, tuple[int, ...]]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._found

    @abstractmethod
    def read(self, name: str) -> Tensor:
        """Read one tensor.

        Raises:
            CheckpointError: If the file is damaged.
        """

    def _note(self, path: Path, name: str, size: tuple[int, ...], kind: str) -> None:
        """Note that a file has a tensor, if it is a weight.

        Raises:
            CheckpointError: If it is there twice, or does not hold numbers.
        """
        bare = bare_name(name)
        known = bare.startswith((self.shape.prefix, self.shape.head))
        full = bare if known else self.shape.prefix + bare
        if re.fullmatch(self.shape.no_weights, full):
            return
        if kind not in TYPES:
            raise CheckpointError(
                f"{path}: the tensor {name!r} has type {kind}; weights are "
                f"{' or '.join(TYPES)}."
            )
        if full in self._found:
            raise CheckpointError(f"{path}: the tensor {full!r} is there twice.")
        self._found[full] = (path, name, size)

    def check(
        self, weights: Mapping[str, Tensor], places: Mapping[str, WeightPlace]
    ) -> None:
        """Compare names and shapes with a model.

        Args:
            weights: The model's; `meta` tensors suffice.
            places: Where each is stored.

        Raises:
            CheckpointError: If a tensor is missing, unknown or of another shape.
        """
        wanted = {
            name: places[ours].shape_there(number, part)
            for ours, weight in weights.items()
            for number, (name, part) in enumerate(parts(weight, places[ours]))
        }
        for name, size in wanted.items():
            if name not in self._found:
                others = [
                    stored
                    for full, (_, stored, _) in self._found.items()
                    if full not in wanted
                ]
                raise CheckpointError(
                    f"{self.source}: the tensor {name!r} is missing."
                    f"{near_names(name, others)}"
                )
            path, stored_name, found = self._found[name]
            if found != size:
                raise CheckpointError(
                    f"{path}: the tensor {stored_name!r} has shape {list(found)}; "
                    f"its settings describe a model where it has {list(size)}."
                )
        for name in self._found.keys() - wanted.keys() - {self.shape.head}:
            path, stored_name, _ = self._found[name]
            raise CheckpointError(
                f"{path}: the tensor {stored_name!r} does not belong to the model that "
                "its settings describe."
            )

    @torch.no_grad()
    def fill(
        self, weights: Mapping[str, Tensor], places: Mapping[str, WeightPlace]
    ) -> None:
        """Copy the tensors into a model's weights, as 32 bits.

        Args:
            weights: The model's, written in place.
            places: Where each is stored.

        Raises:
            CheckpointError: If a file is damaged, or the head of a model with tied
                embeddings differs from the embedding.
        """
        for ours, weight in weights.items():
            for number, (name, part) in enumerate(parts(weight, places[ours])):
                part.copy_(places[ours].read(number, self.read(name)))
                require_finite(self.source, name, part)  # multiplied, if it is
        if "head.weight" not in weights and self.shape.head in self:
            head = self.read(self.shape.head)
            if not torch.equal(head.float(), weights["token_embedding.weight"]):
                raise CheckpointError(
                    f"{self.source}: the head ({self.shape.head}) is not the token "
                    "embedding, and its settings say that it is: set "
                    '"tie_word_embeddings": false in a copy of its config.json, if it '
                    "has one."
                )


class WeightFiles(Weights):
    """The tensors of a directory.

    Args:
        directory: With `model.safetensors`, or an index and the files that it names.
        shape: Whose names they are.

    Raises:
        CheckpointError: If a file is missing or damaged, or lies outside.
    """

    def __init__(self, directory: Path, shape: Shape) -> None:
        super().__init__(directory, shape)
        for path in _weight_files(directory):
            for name, (size, kind) in read_header(path).items():
                self._note(path, name, size, kind)

    def read(self, name: str) -> Tensor:
        """Read one tensor. See `Weights`."""
        path, stored_name, _ = self._found[name]
        try:
            # Opened anew for each tensor, so that nothing stays in memory.
            with safe_open(path, framework="pt") as file:
                tensor: Tensor = file.get_tensor(stored_name)
        except (OSError, ValueError) as error:
            raise unreadable(path, error) from None
        return tensor


class TensorsInMemory(Weights):
    """Tensors that were read from a file of another kind.

    Args:
        path: The file.
        tensors: By the names that they have there.
        shape: Whose names they are.
    """

    def __init__(self, path: Path, tensors: Mapping[str, Tensor], shape: Shape) -> None:
        super().__init__(path, shape)
        self._tensors = tensors
        names = dict(zip(TORCH_TYPES, TYPES, strict=True))
        for name, tensor in tensors.items():
            kind = names.get(tensor.dtype, str(tensor.dtype))
            self._note(path, name, tuple(tensor.shape), kind)

    def read(self, name: str) -> Tensor:
        """Return one tensor."""
        return self._tensors[self._found[name][1]]


def bare_name(name: str) -> str:
    """Return a tensor's name without what wraps a model in training puts into it.

    >>> bare_name("module._orig_mod.lm_head.weight")
    'lm_head.weight'
    """
    return _WRAPPING.sub("", name)


def parts(weight: Tensor, place: WeightPlace) -> list[tuple[str, Tensor]]:
    """Split one of our weights into the tensors of a file, as views, by name."""
    pieces = torch.split(weight, list(place.rows or [len(weight)]))
    return list(zip(place.names, pieces, strict=True))


def _weight_files(directory: Path) -> list[Path]:
    """Find the weight files; an index lists them if there are several.

    Raises:
        CheckpointError: If there are none, or the index names files elsewhere.
    """
    index = directory / INDEX_FILE
    if (directory / WEIGHTS_FILE).is_file() or not index.is_file():
        _require_safetensors(directory)
        return [directory / WEIGHTS_FILE]
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{index} is damaged: it has no 'weight_map'.")
    names = sorted({str(name) for name in weight_map.values()})
    for name in names:
        if not re.fullmatch(r"[\w-][\w.-]*\.safetensors", name):
            raise CheckpointError(
                f"{index} names {name!r:.80}: only safetensors files beside it "
                "are read."
            )
    return [directory / name for name in names]


def _require_safetensors(directory: Path) -> None:
    if (directory / WEIGHTS_FILE).is_file():
        return
    pickles = sorted(
        file.name for pattern in PICKLES for file in directory.glob(pattern)
    )
    what = f", only {pickles[0]}" if pickles else ""
    raise CheckpointError(
        f"{directory} has no {WEIGHTS_FILE}{what}. Pickled weights can run any code "
        "when they are read, so they never are: if you trust them, let transformers "
        "convert them (AutoModelForCausalLM.from_pretrained(…).save_pretrained(…)), or "
        "ask for a repository or revision with safetensors."
    )
