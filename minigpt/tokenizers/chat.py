"""The chat template: how a conversation becomes one row of tokens.

    <user> Who had the kite? <assistant> Mia. <eos>

A token that no text contains says who speaks from here on, so nobody can write a turn
in somebody else's name. `<eos>` ends an answer, as it ends every text.

Before: a base's tokenizer, which does not know these tokens and gains them. Next: the
same for the model (`minigpt.finetuning.chat`), and examples to learn from.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from minigpt.errors import DataError
from minigpt.tokenizers.base import SPECIAL_TOKENS, Tokenizer
from minigpt.tokenizers.enlarged import with_special_tokens

Role = Literal["system", "user", "assistant"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant")
CHAT_TOKENS = tuple(f"<{role}>" for role in ROLES)
_EOS = SPECIAL_TOKENS[3]


class Message(NamedTuple):
    """What somebody says."""

    role: Role
    content: str


class ChatToken(NamedTuple):
    """A token of a conversation, and whether it is the assistant's own choice."""

    token: int
    is_answer: bool
    """Whether a model learns to write it: an answer and its end, no prompt."""


def with_chat_tokens(tokenizer: Tokenizer) -> Tokenizer:
    """Return a tokenizer that knows who speaks; the old tokens keep their numbers.

    Args:
        tokenizer: Any. One that has all the tokens is returned as it is.
    """
    return with_special_tokens(tokenizer, _missing(tokenizer))


def has_chat_tokens(tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer can write a conversation."""
    return not _missing(tokenizer)


def _missing(tokenizer: Tokenizer) -> list[str]:
    known = set(tokenizer.special_tokens.values())
    wanted = [*CHAT_TOKENS, _EOS] if tokenizer.eos_id is None else [*CHAT_TOKENS]
    return [name for name in wanted if name not in known]


def encode_chat(messages: Sequence[Message], tokenizer: Tokenizer) -> list[ChatToken]:
    """Turn a conversation into tokens, each marked as prompt or answer.

    Args:
        messages: Who says what, in order.
        tokenizer: One with chat tokens.

    Raises:
        DataError: If the tokenizer has none.
    """
    ids = _role_tokens(tokenizer)
    row: list[ChatToken] = []
    for role, content in messages:
        row.append(ChatToken(ids[role], False))
        answers = role == "assistant"
        row += [ChatToken(token, answers) for token in _said(content, tokenizer)]
        if answers:
            row.append(ChatToken(tokenizer.encode("", add_eos=True)[0], True))
    return row


def encode_prompt_for_answer(
    messages: Sequence[Message], tokenizer: Tokenizer
) -> list[int]:
    """Turn a conversation into tokens, up to where the assistant's answer begins."""
    row = [token for token, _ in encode_chat(messages, tokenizer)]
    return [*row, _role_tokens(tokenizer)["assistant"]]


def _said(content: str, tokenizer: Tokenizer) -> list[int]:
    # Byte pairs know a word by the space before it: with it, the "red" of an answer is
    # the same token as the "red" of the story that is asked about.
    lead = " " if tokenizer.kind == "bpe" else ""
    return tokenizer.encode(lead + content)


def _role_tokens(tokenizer: Tokenizer) -> dict[str, int]:
    ids = {name: token for token, name in tokenizer.special_tokens.items()}
    if not ids.keys() >= set(CHAT_TOKENS):
        raise DataError(
            "This tokenizer has no tokens for who speaks: its model was not fine-tuned "
            "to chat. Fine-tune it first: python -m minigpt finetune sft --help"
        )
    return {role: ids[name] for role, name in zip(ROLES, CHAT_TOKENS, strict=True)}
