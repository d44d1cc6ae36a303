"""Stop texts: where a text ends because of what it says."""

from collections.abc import Sequence


def before_stop(text: str, stop: Sequence[str]) -> str:
    """Return the part of a text before the first stop text.

    >>> before_stop("one. two. three", ["three", "two"])
    'one. '
    """
    ends = [text.index(word) for word in stop if word in text]
    return text[: min(ends, default=len(text))]


def without_beginnings(text: str, stop: Sequence[str]) -> str:
    """Return a growing text without an end that may become a stop text.

    What is left can be shown at once and need never be taken back.

    >>> without_beginnings("one. t", ["two", ". three"])
    'one'
    """
    held = [
        length
        for word in stop
        for length in range(1, min(len(word), len(text) + 1))
        if text.endswith(word[:length])
    ]
    return text[: len(text) - max(held, default=0)]
