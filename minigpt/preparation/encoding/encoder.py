"""Who encodes a text: this process, several of this machine, or a cluster."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import numpy as np

from minigpt.datasets.encoding import encode_parts
from minigpt.preparation.encoding.in_order import encode_in_order
from minigpt.preparation.encoding.processes import Processes, usable_cores
from minigpt.preparation.encoding.ray_tasks import RayTasks, is_at_hand
from minigpt.preparation.token_store import EncodedText
from minigpt.tokenizers import Tokenizer

Encode = Callable[[Iterable[str]], Iterator[tuple[np.ndarray, int]]]
"""Turns the blocks of a text into ids, and says how many characters they stand for."""

WORTH_A_WORKER: Final = 1 << 25
"""Characters: to start a worker takes about a second, to encode so many some three."""


@contextmanager
def encoder(entry: EncodedText, tokenizer: Tokenizer) -> Iterator[Encode]:
    """Bring together who encodes the rest of a text; they end with the block.

    Args:
        entry: Which text, and how much of it is encoded.
        tokenizer: The entry's.

    Raises:
        DataError: If they cannot be started, or, while they encode, one is lost.
    """
    index, separator = entry.index, entry.index.document_separator
    left = index.num_characters - index.train.characters - index.validation.characters
    between = tokenizer.encode(separator or "")
    number = left // WORTH_A_WORKER
    if number > 1 and is_at_hand():
        with RayTasks(tokenizer, between) as workers:
            yield partial(encode_in_order, workers, separator=separator)
    elif (number := min(number, usable_cores())) > 1:
        with Processes(entry.path / "tokenizer.json", between, number) as workers:
            yield partial(encode_in_order, workers, separator=separator)
    else:
        yield partial(encode_parts, tokenizer, separator=separator)
