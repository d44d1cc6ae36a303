"""Tensors in a file: safetensors, its header compared with what is expected.

The header lists each tensor's name, type and shape. It is checked before the numbers
are read, so that a wrong file costs neither memory nor time.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from minigpt.errors import CheckpointError, near_names
from minigpt.regular_files import require_regular

WEIGHT_TYPES = ("F32", "F16")
"""What a file of weights may hold; in the model, either becomes 32 bits."""

INTEGER_TYPES = {torch.int8: "I8", torch.uint8: "U8"}
"""What a file calls the integers of a quantized model."""


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Write tensors by name.

    Args:
        path: The file.
        tensors: What to write.
        metadata: Words for the header.

    Raises:
        OSError: If the disk is full or cannot be written.
    """
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    try:
        save_file(contiguous, path, metadata)
    except SafetensorError as error:
        raise OSError(str(error)) from error


def write_weights(path: Path, model: nn.Module) -> None:
    """Write a model's weights, in full precision whatever it computes in.

    The integers of a quantized model are written as they are.
    """
    weights = {name: w.detach().cpu() for name, w in model.state_dict().items()}
    write_tensors(
        path,
        {n: w.float() if w.is_floating_point() else w for n, w in weights.items()},
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a file.

    Raises:
        CheckpointError: If it is missing or damaged.
    """
    try:
        require_regular(path)
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise unreadable(path, error) from None


def read_weights(path: Path, expected: nn.Module) -> dict[str, Tensor]:
    """Read the weights of a model, if they are exactly those it has.

    Args:
        path: A safetensors file.
        expected: A model of the right kind and sizes; `meta` tensors suffice.

    Raises:
        CheckpointError: If the file is missing or damaged, or a tensor is missing, too
            many, of the wrong shape or type, or holds NaN.
    """
    check_weights(path, expected)
    return read_finite(path)


def read_finite(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a file of weights, none of which may be NaN or infinite.

    Raises:
        CheckpointError: If it is missing or damaged, or holds such a number.
    """
    weights = read_tensors(path)
    for name, weight in weights.items():
        require_finite(path, name, weight)
    return weights


def require_finite(path: Path, name: str, weight: Tensor) -> None:
    """Refuse a weight that is no number: everything computed with it would be none.

    Args:
        path: The file, for the message.
        name: The tensor's name.
        weight: What was read.

    Raises:
        CheckpointError: If it holds NaN or an infinity.
    """
    finite = torch.isfinite(weight)
    if not finite.all():
        count = int((~finite).sum())
        raise CheckpointError(
            f"{path}: {count:,} of the {weight.numel():,} numbers of {name!r} are NaN "
            "or infinite, as after a training that diverged: use an earlier checkpoint."
        )


def check_weights(path: Path, expected: nn.Module) -> None:
    """Compare a file's header with a model. Arguments and errors: `read_weights`."""
    own = expected.state_dict()
    wanted = {name: tuple(w.shape) for name, w in own.items()}
    found = read_header(path)
    for name, (shape, kind) in found.items():
        if name not in wanted:
            raise CheckpointError(
                f"{path}: the tensor {name!r} does not belong to this model."
                f"{near_names(name, wanted)}"
            )
        if shape != wanted[name]:
            raise CheckpointError(
                f"{path}: the tensor {name!r} has shape {list(shape)}; config.json "
                f"describes a model where it has {list(wanted[name])}."
            )
        integer = INTEGER_TYPES.get(own[name].dtype)
        fitting = WEIGHT_TYPES if integer is None else (integer,)
        if kind not in fitting:
            raise CheckpointError(
                f"{path}: the tensor {name!r} has type {kind}; "
                f"{'weights are' if integer is None else 'its integers must be'} "
                f"{' or '.join(fitting)}."
            )
    missing = [name for name in wanted if name not in found]
    if missing:
        more = f", and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise CheckpointError(f"{path}: the tensor {missing[0]!r} is missing{more}.")


def read_header(path: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    """Return each tensor's shape and type, by name."""
    try:
        require_regular(path)
        with safe_open(path, framework="pt") as file:
            views = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            return {
                name: (tuple(view.get_shape()), view.get_dtype())
                for name, view in views.items()
            }
    except (OSError, SafetensorError) as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> CheckpointError:
    """Return an error that says why a file of tensors cannot be read."""
    if isinstance(error, FileNotFoundError):
        return CheckpointError(f"{path} is missing: the checkpoint is not complete.")
    return CheckpointError(
        f"{path} is damaged ({error}): copy it again, or use another checkpoint."
    )
