"""Lines that divide a text into documents, as other programs write them."""

from typing import Final

from minigpt.datasets.files.text_file import TextFile

KNOWN: Final = ("<|endoftext|>", "<|end_of_text|>", "</s>")
_LOOKED_AT: Final = 16
"""Blocks of a text that are looked at."""


def separator_in(text: str) -> str | None:
    r"""Return the separator that stands on lines of its own, twice or more.

    >>> separator_in("One.\n<|endoftext|>\nTwo.\n<|endoftext|>\n")
    '<|endoftext|>'

    Args:
        text: Its beginning is enough.
    """
    lines = text.split("\n")
    found = max(KNOWN, key=lines.count)
    return found if lines.count(found) > 1 else None


def remark_on(file: TextFile) -> str:
    """Say which separator a text seems to have, and what to do with it; "" if none.

    Raises:
        DataError: If it is no text.
    """
    blocks = (block for block, _ in zip(file.blocks(), range(_LOOKED_AT), strict=False))
    separator = separator_in("".join(blocks))
    if separator is None:
        return ""
    return (
        f"Lines {separator} divide this text: with --document_separator "
        f"'{separator}', each document ends with <eos>."
    )
