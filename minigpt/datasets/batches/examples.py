"""Examples to learn from: what the model reads, and what comes next at each place.

An example of n + 1 tokens asks n questions at once: the label of each token is the one
that follows it.

    tokens     <bos>  h  e  l  l  o  <eos>
    input_ids  <bos>  h  e  l  l  o
    labels       h    e  l  l  o  <eos>

`TextDataset` is for many texts of their own length, `PackedDataset` for one long row of
tokens, `WindowDataset` for windows that were cut already; `streaming` is for a file
larger than memory.
"""

from collections.abc import Iterable, Sequence
from typing import TypedDict

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from minigpt.datasets.files.token_rows import TokenRow, as_row
from minigpt.errors import DataError
from minigpt.tokenizers import Tokenizer

PAD_INPUT = 0
PAD_LABEL = -100  # what the loss skips; PyTorch's own choice


class Example(TypedDict):
    """What the model reads, and the token that follows each; both of one length."""

    input_ids: Int[Tensor, "*batch pos"]
    labels: Int[Tensor, "*batch pos"]


def example(ids: Sequence[int] | Int[Tensor, " pos_and_one"]) -> Example:
    """Make an example of n + 1 tokens: n to read, n to predict."""
    tokens = torch.as_tensor(ids, dtype=torch.long)
    return {"input_ids": tokens[:-1], "labels": tokens[1:]}


def require_length(max_length: int) -> None:
    """Check the length of an example.

    Raises:
        DataError: If it is not a whole number of at least 1.
    """
    if not isinstance(max_length, int) or max_length < 1:
        raise DataError(
            f"max_length is {max_length!r}: an example needs at least 1 token to read."
        )


class TextDataset(Dataset[Example]):
    """Texts, each an example from `<bos>` to `<eos>`.

    A text longer than `max_length` becomes several examples; each begins with the last
    token of the one before, so that every token is predicted exactly once and nothing
    is lost.

    Args:
        texts: One text, or many.
        tokenizer: One whose vocabulary is built.
        max_length: Most tokens to read in one example.

    Raises:
        DataError: If there is no text.
    """

    def __init__(
        self, texts: str | Iterable[str], tokenizer: Tokenizer, max_length: int
    ) -> None:
        require_length(max_length)
        self.tokenizer = tokenizer
        self.max_length = max_length
        self._examples: list[Example] = []
        for text in [texts] if isinstance(texts, str) else texts:
            ids = tokenizer.encode(
                text,
                add_bos=tokenizer.bos_id is not None,
                add_eos=tokenizer.eos_id is not None,
            )
            for start in range(0, len(ids) - 1, max_length):
                self._examples.append(example(ids[start : start + max_length + 1]))
        if not self._examples:
            raise DataError("There is no text to learn from: give at least one.")

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, number: int) -> Example:
        return self._examples[number]


def collate_fn(examples: Sequence[Example]) -> Example:
    """Put examples of different lengths into one batch, the shorter ones padded.

    Args:
        examples: From a `TextDataset` or a `StreamingTextDataset`.

    Returns:
        `input_ids` [batch pos], padded with 0, and `labels` [batch pos], padded with
        −100, which the loss skips.
    """
    inputs = [one["input_ids"] for one in examples]
    labels = [one["labels"] for one in examples]
    return {
        "input_ids": pad_sequence(inputs, batch_first=True, padding_value=PAD_INPUT),
        "labels": pad_sequence(labels, batch_first=True, padding_value=PAD_LABEL),
    }


class PackedDataset(Dataset[Example]):
    """One long row of tokens, cut into windows of equal length that do not overlap.

    For evaluation: every window once, always the same ones. Each window's labels reach
    one token into the next; what is left at the end, less than a window, is not used.

    Args:
        tokens: The row; it may lie in a file.
        context: Tokens to read in one window.

    Raises:
        DataError: If the row is shorter than one window and its last label.
    """

    def __init__(
        self,
        tokens: Sequence[int] | Int[Tensor, " pos"] | np.ndarray | TokenRow,
        context: int,
    ) -> None:
        require_length(context)
        self.tokens = as_row(tokens)
        self.context = context
        if len(self.tokens) <= context:
            raise DataError(
                f"The text has {len(self.tokens):,} tokens; one window needs "
                f"{context + 1:,}: give a longer text, or a smaller context."
            )

    def __len__(self) -> int:
        return (len(self.tokens) - 1) // self.context

    def __getitem__(self, number: int) -> Example:
        if not 0 <= number < len(self):
            raise IndexError(f"window {number} of {len(self)}")
        start = number * self.context
        return example(self.tokens[start : start + self.context + 1])


class WindowDataset(Dataset[Example]):
    """Windows that were cut already; each stands for itself.

    Args:
        windows: Ids; of each window, all but the last are read.
    """

    def __init__(self, windows: Int[Tensor, "window length"]) -> None:
        self.windows = windows

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, number: int) -> Example:
        return example(self.windows[number])
