"""The text of a PDF, page by page, by `pypdf`.

A PDF knows where glyphs stand, not what a paragraph is: lines end where they end on the
page. A scanned page is a picture and has no text. Time and length are bounded, because
a small file can keep a reader busy for ever.
"""

import io
import logging
import time
from typing import Any, Final

from minigpt.errors import DataError

MOST: Final = 1 << 26
"""Characters of a document, at most."""
SECONDS: Final = 120.0
"""Time that the pages may take, looked at after each."""


def pdf_text(content: bytes, name: str) -> tuple[str, str]:
    """Return a document's text, and what it is.

    Args:
        content: The whole file.
        name: What it is called, for errors.

    Raises:
        DataError: If it is damaged, encrypted, too large or without text; or `pypdf` is
            not installed.
    """
    try:
        import pypdf
    except ImportError:
        raise DataError(
            f"{name} is a PDF: reading it takes pip install pypdf."
        ) from None
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        is_closed = reader.is_encrypted and not reader.decrypt("")
        pages = [] if is_closed else _pages(reader, name)
    except DataError:
        raise
    except Exception as error:  # whatever a damaged file provokes in the library
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise DataError(f"{name} is a PDF that cannot be read: {reason}.") from None
    if is_closed:
        raise DataError(f"{name} is encrypted: save it without a password.")
    texts = [page for page in pages if page]
    if not texts:
        raise DataError(
            f"{name} has {len(pages):,} pages and no text on them: if it was scanned, "
            "recognise its text (OCR) first."
        )
    remark = f"a PDF, the text of {len(texts):,} of its {len(pages):,} pages"
    return "\n\n".join(texts) + "\n", remark


def _pages(reader: Any, name: str) -> list[str]:
    """Return the text of each page.

    Raises:
        DataError: If they are too long, or take too long.
    """
    end, length, pages = time.monotonic() + SECONDS, 0, []
    for page in reader.pages:
        text = page.extract_text().replace("\0", "").strip()
        pages.append(text.encode("utf-8", "replace").decode())
        length += len(text)
        if length > MOST or time.monotonic() > end:
            raise DataError(
                f"{name} is too long: only {len(pages):,} pages were read within "
                f"{SECONDS:.0f} seconds and {MOST:,} characters. Divide it."
            )
    return pages
