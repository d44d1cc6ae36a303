"""Reads files that pickle wrote, without running what they say.

A pickle is a program. torch's weights-only reader runs only the instructions that build
tensors, dictionaries, lists, texts and numbers, and refuses every other.
"""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any, NoReturn

import torch

from minigpt.errors import CheckpointError
from minigpt.regular_files import require_regular

_MAX_PLAIN = 2**26
"""Largest file of plain data, in bytes."""


def read_torch(path: Path) -> dict[str, Any]:
    """Read what `torch.save` wrote: a dictionary of tensors, settings and the like.

    Raises:
        CheckpointError: If it cannot be read, or asks for anything to be run.
    """
    try:
        require_regular(path)
        if not zipfile.is_zipfile(path):
            raise CheckpointError(
                f"{path} could not be read: torch.save writes a zip archive (since "
                "version 1.6), and this is none, or a part of one."
            )
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError:
        raise CheckpointError(
            f"{path} holds more than tensors and plain settings, and such a file could "
            "run any code when it is read, so it is not: save its state_dict and its "
            "settings alone."
        ) from None
    except CheckpointError:
        raise
    except Exception as error:  # whatever bytes that mean nothing lead torch to
        reason = str(error).splitlines()[0][:200] if str(error) else "it is damaged"
        raise CheckpointError(f"{path} could not be read: {reason}") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds a {type(found).__name__}, no dictionary.")
    return found


class _PlainReader(pickle.Unpickler):
    """Reads dictionaries, lists, texts and numbers: nothing that has a name to find."""

    def find_class(self, module_name: str, global_name: str) -> NoReturn:
        """Refuse to look up a function or class, the only way to run something."""
        raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}")

    def persistent_load(self, pid: Any) -> NoReturn:
        """Refuse what lies outside of the file."""
        raise pickle.UnpicklingError(f"it asks for {pid!r:.40}")


def read_plain(path: Path) -> Any:
    """Read a pickle of plain data, such as nanoGPT's `meta.pkl`.

    Raises:
        CheckpointError: If it cannot be read, or asks for a function or class.
    """
    try:
        require_regular(path)
        if path.stat().st_size > _MAX_PLAIN:
            raise CheckpointError(f"{path} is larger than {_MAX_PLAIN:,} bytes.")
        return _PlainReader(io.BytesIO(path.read_bytes())).load()
    except CheckpointError:
        raise
    except (pickle.UnpicklingError, AttributeError, MemoryError) as error:
        raise CheckpointError(
            f"{path} is not a plain dictionary ({error!s:.120}), so it is not read: it "
            "could run any code."
        ) from None
    except Exception as error:  # whatever bytes that mean nothing lead pickle to
        raise CheckpointError(f"{path} could not be read: {error!s:.120}.") from None
