"""Texts that can be fetched by name, each known to the byte."""

import hashlib
import http.client
import urllib.request
from pathlib import Path
from typing import NamedTuple

from minigpt.atomic_writes import replace_file
from minigpt.errors import DataError, near_names

TIMEOUT = 30  # seconds without a byte


class TextSource(NamedTuple):
    """Where a text lies, and how to know that it is the right one."""

    url: str
    file_name: str
    size: int
    """In bytes: a server that sends more is not heard to the end."""
    sha256: str


SOURCES = {
    "shakespeare": TextSource(
        url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/"
        "tinyshakespeare/input.txt",
        file_name="tinyshakespeare.txt",
        size=1_115_394,
        sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    )
}


def fetch(name: str, directory: str | Path) -> Path:
    """Download a text by name, unless it is there already.

    Args:
        name: One of `SOURCES`: `shakespeare`.
        directory: Where to put it; made if need be.

    Returns:
        The file.

    Raises:
        DataError: If there is no text of that name, no network, no room, or what came
            is not the known text.
    """
    if name not in SOURCES:
        raise DataError(
            f"There is no text called {name!r}: choose {', '.join(SOURCES)}, or give a "
            f"file of your own.{near_names(name, SOURCES)}"
        )
    return download(SOURCES[name], Path(directory))


def download(source: TextSource, directory: Path) -> Path:
    """Download a file, check it, and only then give it its name.

    Raises:
        DataError: As `fetch`.
    """
    path = directory / source.file_name
    try:
        if path.exists():
            if _sha256(path.read_bytes()) == source.sha256:
                return path
            raise DataError(
                f"{path} exists and is not the text to fetch: move it away, or choose "
                "another directory."
            )
        content = _receive(source, path)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise DataError(f"Cannot write {path}: {error.strerror or error}.") from None
    return path


def _receive(source: TextSource, path: Path) -> bytes:
    try:
        with urllib.request.urlopen(source.url, timeout=TIMEOUT) as response:
            content: bytes = response.read(source.size + 1)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"Cannot reach {source.url} ({reason}). Without a network: get the file "
            f"elsewhere and put it at {path}, give any other text with --data_file, "
            "or train on the built-in tales."
        ) from None
    if _sha256(content) != source.sha256:
        raise DataError(
            f"{source.url} sent something else than expected (its sha256 is not "
            f"{source.sha256}): nothing was kept. Try again later, or give a file of "
            "your own."
        )
    return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
