"""The text of a Word document, by `python-docx`.

A .docx is a zip archive. How large its parts unpack is looked at before one of them is
opened, so that a bomb of a few kilobytes does not fill the memory.
"""

import io
import zipfile
from typing import Final

from minigpt.errors import DataError

MOST: Final = 1 << 26
"""Bytes that an archive may unpack to."""
_PARTS = 5_000
_BODY = "word/document.xml"
_SPACE = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


def word_text(content: bytes, name: str) -> tuple[str, str]:
    """Return a document's paragraphs, those of its tables too, and what it is.

    Args:
        content: The whole file.
        name: What it is called, for errors.

    Raises:
        DataError: If it is damaged, no Word document, too large, or holds no text; or
            `python-docx` is not installed.
    """
    _require_small(content, name)
    try:
        import docx
    except ImportError:
        raise DataError(
            f"{name} is a Word document: reading it takes pip install python-docx."
        ) from None
    try:
        body = docx.Document(io.BytesIO(content)).element.body
        paragraphs = [
            "".join(_run_text(each) for each in paragraph.iter())
            for paragraph in body.iter(f"{_SPACE}p")
            if next(paragraph.iterancestors(_FALLBACK), None) is None
        ]
    except Exception as error:  # whatever a damaged archive provokes in the library
        reason = " ".join(str(error).split())[:100]
        raise DataError(f"{name} is a damaged Word document: {reason}.") from None
    text = "\n".join(paragraphs).strip()
    if not text:
        raise DataError(f"{name} holds no text, perhaps only pictures.")
    return text + "\n", "a Word document, its text only"


def _run_text(element: object) -> str:
    tag = getattr(element, "tag", "")
    if tag == f"{_SPACE}t":
        return getattr(element, "text", "") or ""
    return {f"{_SPACE}tab": "\t", f"{_SPACE}br": "\n"}.get(str(tag), "")


def _require_small(content: bytes, name: str) -> None:
    """Check what an archive says of itself; no more is ever unpacked than it says.

    Raises:
        DataError: If it is no archive, no Word document, or unpacks to too much.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{name} is a damaged zip archive: {error}.") from None
    if _BODY not in {part.filename for part in parts}:
        raise DataError(
            f"{name} is a zip archive and no Word document: unpack it, and give a text."
        )
    if any(part.flag_bits & 1 for part in parts):
        raise DataError(f"{name} is encrypted: save it without a password.")
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MOST or len(parts) > _PARTS:
        raise DataError(
            f"{name} unpacks to {unpacked:,} bytes in {len(parts):,} parts; at most "
            f"{MOST:,} in {_PARTS:,} are read. Save its text alone."
        )
