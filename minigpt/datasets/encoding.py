"""A text becomes tokens: document by document, part by part, of any length."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from minigpt.config import DataConfig
from minigpt.datasets.files.split_points import documents
from minigpt.datasets.tales.story import STORY_END
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.documents import characters_of, encode_documents


def encode_corpus(
    tokenizer: Tokenizer, text: str, data: DataConfig
) -> Int[Tensor, " pos"]:
    """Encode a text, with the end-of-text token at the end of each document.

    Args:
        tokenizer: Built on such a text.
        text: The whole or a part of it.
        data: Says what separates documents.
    """
    encoded = [ids for ids, _ in encode_parts(tokenizer, text, separator_of(data))]
    return torch.from_numpy(np.concatenate([np.zeros(0, np.int32), *encoded]))


def separator_of(data: DataConfig) -> str | None:
    """Return what stands between two documents of a text, if it has documents."""
    return STORY_END if data.source == "tales" else data.document_separator


def encode_parts(
    tokenizer: Tokenizer, text: str | Iterable[str], separator: str | None
) -> Iterator[tuple[Int[np.ndarray, " pos"], int]]:
    """Encode a text part by part, of any length, in the memory of one part.

    Each document ends with the end-of-text token, so a model learns where a story ends.

    Args:
        tokenizer: Built on such a text.
        text: A text, or the blocks of one that is read bit by bit.
        separator: What stands between two documents (none: it is one, without an end).

    Yields:
        The ids of each part, and how many characters of the text they stand for.
    """
    between = tokenizer.encode(separator or "")
    for part in documents(text, separator):
        ids = encode_documents(tokenizer, [part], between)
        yield ids, characters_of(part, separator)
