"""Documents as tokens: each ends with the end-of-text token.

Nothing here needs torch, so that a process that only encodes is small and starts soon.
"""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Int

from minigpt.tokenizers.base import Tokenizer

Part = tuple[str, bool]
"""A piece of a text, and whether its document ends with it."""


def encode_documents(
    tokenizer: Tokenizer, parts: Iterable[Part], between: list[int]
) -> Int[np.ndarray, " pos"]:
    """Encode parts of a text that follow each other.

    What separates two documents stays in the text, after the end: an empty line still
    announces a beginning.

    Args:
        tokenizer: Built on such a text.
        parts: In order.
        between: The tokens of what separates two documents.

    Raises:
        DataError: If the vocabulary has no end-of-text token, and one is needed.
    """
    tokens: list[int] = []
    for part, is_end in parts:
        tokens += tokenizer.encode(part, add_eos=is_end)
        if is_end:
            tokens += between
    return np.array(tokens, np.int32)


def characters_of(part: Part, separator: str | None) -> int:
    """Return how many characters of the text a part stands for, separator included.

    >>> characters_of(("one", True), "%"), characters_of(("one", False), "%")
    (4, 3)
    """
    text, is_end = part
    return len(text) + (len(separator or "") if is_end else 0)
