"""A conversation as a model reads it, and an answer as it writes it, token by token.

Unlike `answering`, which returns a text, this keeps what was read and what was written:
a page shows both as tokens, and asks where each of them looked. And it can leave the
template out, to see what a model does with the same words as plain text:

    template   <user> Mia had a kite. ⏎⏎ Who had the kite? <assistant>
    plain      Mia had a kite. ⏎⏎ Who had the kite?
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from minigpt.config import GenerationConfig
from minigpt.datasets.conversations import instruction_prompt
from minigpt.errors import DataError
from minigpt.finetuning.answering import GREEDY
from minigpt.generation.sample import Sampler
from minigpt.generation.text import TextWriter
from minigpt.model import LanguageModel
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.chat import (
    CHAT_TOKENS,
    ROLES,
    Message,
    Role,
    encode_prompt_for_answer,
)

Ending = Literal["eos", "length", "window", "stopped"]
"""Why an answer goes no further: its own end, `max_new_tokens`, no room, the reader."""

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
    """One token of a conversation, and whose it is."""

    token: int
    role: Role | None
    """Who speaks; None before anybody does, and without the template."""
    is_template: bool
    """Whether it is one that no text contains."""


def messages_of(story: str, turns: Sequence[Turn]) -> list[Message]:
    """Return turns as messages; the story is told with the first question.

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
        template: Whether tokens say who speaks, or the words stand alone.

    Raises:
        DataError: If the tokenizer has no chat tokens and the template is wanted.
    """
    if not template:
        text = _BETWEEN.join(content for _, content in messages)
        return [ReadToken(token, None, False) for token in tokenizer.encode(text)]
    tokens = encode_prompt_for_answer(messages, tokenizer)
    return with_roles(tokens, tokenizer)


def with_roles(tokens: Sequence[int], tokenizer: Tokenizer) -> list[ReadToken]:
    """Say of each token of a conversation who speaks there."""
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


class Answer:
    """One answer being written. Any number may be, with one model, at once.

    Args:
        model: In evaluation mode.
        tokenizer: Its own.
        read: The tokens it answers to.
        config: How it chooses; beam search is not for conversations.
        until: A mark that ends the answer and is no part of it (none: there is none).

    Raises:
        DataError: If there is nothing to read, or the window has no room for an answer.
    """

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: Tokenizer,
        read: Sequence[int],
        config: GenerationConfig = GREEDY,
        until: str | None = None,
    ) -> None:
        limit = model.config.max_seq_len
        if not read:
            raise DataError("There is nothing to answer: write something first.")
        if len(read) >= limit:
            raise DataError(
                f"The conversation is {len(read)} tokens long, and this model reads at "
                f"most max_seq_len = {limit}, its answer included: shorten the story "
                "or the question, or leave out the oldest turns."
            )
        room = limit - len(read)
        self.model, self.read = model, list(read)
        self.tokens: list[int] = []
        self.text = ""
        self.ending: Ending | None = None
        self._at_most: Ending = "window" if room < config.max_new_tokens else "length"
        config = config.replace(max_new_tokens=min(room, config.max_new_tokens))
        end = tokenizer.eos_id if config.stop_at_eos else None
        self._sampler: Sampler | None = Sampler(model, read, config, end)
        self._writer, self._until = TextWriter(tokenizer, read), until

    @property
    def is_done(self) -> bool:
        """Whether nothing more will come."""
        return self.ending is not None

    def write(self) -> None:
        """Write one more token.

        Raises:
            CheckpointError: If the model's scores are not numbers; the answer ends.
        """
        # What is finished lets its cache go: a conversation is kept for long.
        sampler, self._sampler = self._sampler, None
        if sampler is None:
            return
        self.ending = "stopped"  # unless all goes well
        token = sampler.draw().token
        self.tokens.append(token)
        text = self._writer.add(token)
        self.ending = self._reason(sampler)
        self.text = (self._writer.finish() if self.is_done else text).strip()
        if self._until is not None and self._until in text:
            self.ending = "eos"
            self.text = text.partition(self._until)[0].strip().removesuffix(",")
        if not self.is_done:
            self._sampler = sampler

    def stop(self) -> None:
        """Write no further."""
        self.ending = self.ending or "stopped"
        self._sampler = None

    def _reason(self, sampler: Sampler) -> Ending | None:
        if not sampler.is_done:
            return None
        return "eos" if sampler.has_ended else self._at_most
