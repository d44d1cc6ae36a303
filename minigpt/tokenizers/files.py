"""JSON files of a tokenizer: written whole or not at all, and read with suspicion."""

import json
from pathlib import Path
from typing import Any

from minigpt.atomic_writes import replace_file
from minigpt.errors import CheckpointError
from minigpt.regular_files import read_regular

MAX_BYTES = 256 * 2**20
"""No tokenizer is larger; a larger file is refused before it fills the memory."""


def write_json(path: Path, fields: dict[str, Any]) -> None:
    """Replace a JSON file in one step."""
    replace_file(path, json.dumps(fields, ensure_ascii=False, indent=1))


def read_text_file(path: Path) -> str:
    """Read a UTF-8 file of a tokenizer.

    Raises:
        CheckpointError: If it is missing, unreadable, too large or not UTF-8.
    """
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise CheckpointError(
                f"{path} has {size:,} bytes, more than any tokenizer ({MAX_BYTES:,})."
            )
        return read_regular(path, MAX_BYTES)
    except FileNotFoundError:
        raise CheckpointError(f"There is no file {path}.") from None
    except UnicodeDecodeError:
        raise CheckpointError(f"{path} is not UTF-8 text.") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        CheckpointError: If there is none in the file.
    """
    try:
        fields = json.loads(read_text_file(path))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not JSON: {error!s:.100}.") from None
    if not isinstance(fields, dict):
        raise CheckpointError(f"{path} must hold a JSON object.")
    return fields
