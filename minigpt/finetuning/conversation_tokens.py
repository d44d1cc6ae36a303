"""A conversation as a model reads it, token by token.

A page shows the tokens, and asks where each of them looked. And it can leave the
template out, to see what a model does with the same words as plain text:

    template   <user> Mia had a kite. ⏎⏎ Who had the kite? <assistant>
    plain      Mia had a kite. ⏎⏎ Who had the kite?
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from minigpt.datasets.conversations import instruction_prompt
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.chat import (
    CHAT_TOKENS,
    ROLES,
    Message,
    Role,
    encode_prompt_for_answer,
)

CLOSED = '"'
"""Ends what somebody says in a story."""

ROOM_FOR_AN_ANSWER = 24
"""Tokens that are kept free when older turns are left out for a new question."""

_BETWEEN = "\n\n"


class Turn(NamedTuple):
    """A question and its answer, or "" while there is none."""

    question: str
    answer: str = ""


class ReadToken(NamedTuple):
    """One token of a conversation, and its speaker."""

    token: int
    role: Role | None
    """The speaker; None before the first turn, and without the template."""
    is_template: bool
    """Whether it is one that no text contains."""


def messages_of(story: str, turns: Sequence[Turn]) -> list[Message]:
    """Return turns as messages; the story comes with the first question.

    Args:
        story: What is asked about; may be empty.
        turns: In order. One without an answer is the last.
    """
    messages: list[Message] = []
    for number, (question, answer) in enumerate(turns):
        messages += instruction_prompt(question, "" if number else story)
        if answer:
            messages.append(Message("assistant", answer))
    return messages


def read_tokens(
    messages: Sequence[Message], tokenizer: Tokenizer, *, template: bool = True
) -> list[ReadToken]:
    """Return what a model reads before it answers.

    Args:
        messages: The conversation; the last word is the user's.
        tokenizer: The model's; with chat tokens where the template is wanted.
        template: Whether tokens say who speaks, or the words come alone.

    Raises:
        DataError: If the tokenizer has no chat tokens and the template is wanted.
    """
    if not template:
        text = _BETWEEN.join(content for _, content in messages)
        return [ReadToken(token, None, False) for token in tokenizer.encode(text)]
    tokens = encode_prompt_for_answer(messages, tokenizer)
    return with_roles(tokens, tokenizer)


def with_roles(tokens: Sequence[int], tokenizer: Tokenizer) -> list[ReadToken]:
    """Find the speaker of each token of a conversation."""
    ids = {name: token for token, name in tokenizer.special_tokens.items()}
    speakers = {
        ids[name]: role
        for name, role in zip(CHAT_TOKENS, ROLES, strict=True)
        if name in ids
    }
    role: Role | None = None
    row = []
    for token in tokens:
        role = speakers.get(token, role)
        is_template = token in speakers or token == tokenizer.eos_id
        row.append(ReadToken(token, role, is_template))
    return row


def read_as_a_story(story: str, question: str, tokenizer: Tokenizer) -> list[int]:
    """Return a question as a story has it: the form in which a base can answer.

    Args:
        story: What is asked about.
        question: What somebody in it asks.
        tokenizer: The model's.
    """
    return tokenizer.encode(f'{story} "{question}" asked the owl. {CLOSED}'.lstrip())


def words_not_in(answer: str, *texts: str) -> list[str]:
    """Return an answer's words that stand in none of some texts, each once.

    >>> words_not_in("The kite was blue.", "Mia had a red kite.", "Was it the kite?")
    ['blue']
    """
    told = {word.lower() for text in texts for word in re.findall(r"\w+", text)}
    words = dict.fromkeys(re.findall(r"\w+", answer))
    return [word for word in words if word.lower() not in told]


def turns_to_leave_out(
    story: str,
    turns: Sequence[Turn],
    tokenizer: Tokenizer,
    max_seq_len: int,
    *,
    template: bool = True,
) -> int:
    """Count the oldest turns that must go, so that the rest and an answer fit.

    The story and the last question always stay, fit or not.

    Args:
        story: What is asked about.
        turns: The last one is the new question.
        tokenizer: The model's.
        max_seq_len: Its window, in tokens.
        template: As in `read_tokens`.
    """
    room = max_seq_len - min(ROOM_FOR_AN_ANSWER, max_seq_len // 4)
    for count in range(len(turns) - 1):
        messages = messages_of(story, turns[count:])
        if len(read_tokens(messages, tokenizer, template=template)) <= room:
            return count
    return max(0, len(turns) - 1)
