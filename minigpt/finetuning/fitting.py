"""Which examples of a file fit into a model's window; the others are left out.

An example that is cut off would teach an answer without its end, or an answer to half a
question. So it is left out as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from minigpt.datasets.conversations import Conversation, Preference
from minigpt.finetuning.supervised import encode_checked
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.chat import encode_chat

Item = TypeVar("Item", Conversation, Preference)


@dataclass(frozen=True)
class Fitting(Generic[Item]):
    """The examples that fit."""

    kept: list[Item]
    lengths: list[int]
    """Tokens of each; of a pair, both answers' rows."""
    remark: str
    """One sentence on those that do not; empty if all do."""


def leave_out_long(
    examples: Sequence[Item], tokenizer: Tokenizer, max_length: int
) -> Fitting[Item]:
    """Leave out what does not fit into a model's window.

    Args:
        examples: Conversations or preferences, at least one.
        tokenizer: One with chat tokens.
        max_length: The window, in tokens.

    Raises:
        DataError: If none fits; of the first, with its line and its length.
    """
    kept, lengths, too_long = [], [], []
    for example in examples:
        rows = [len(encode_chat(one.messages, tokenizer)) for one in _of(example)]
        if max(rows) - 1 > max_length:
            too_long.append(example)
        else:
            kept.append(example)
            lengths.append(sum(rows))
    if not kept:
        for one in _of(too_long[0]):
            encode_checked(one, tokenizer, max_length)  # raises, of one of them
    return Fitting(kept, lengths, _remark(too_long, len(examples), max_length))


def _of(example: Conversation | Preference) -> tuple[Conversation, ...]:
    return example.answers if isinstance(example, Preference) else (example,)


def _remark(
    too_long: Sequence[Conversation | Preference], number: int, max_length: int
) -> str:
    if not too_long:
        return ""
    verb = "is" if len(too_long) == 1 else "are"
    first = f", the first in {too_long[0].where}" if too_long[0].where else ""
    return (
        f"{len(too_long):,} of {number:,} examples {verb} longer than max_seq_len = "
        f"{max_length} tokens and left out{first}."
    )
