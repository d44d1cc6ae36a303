"""The conversation of a session: what was said, what was undone, what is being written.

Turns are never changed in place: each step makes a new conversation and keeps the one
before, so that everything can be taken back. Only an answer grows while it is written.
"""

import random
import time
from typing import NamedTuple

import streamlit as st

from minigpt.config import GenerationConfig
from minigpt.errors import MinigptError
from minigpt.finetuning.answering import Answer
from minigpt.finetuning.conversation_tokens import (
    CLOSED,
    Turn,
    messages_of,
    read_as_a_story,
    read_tokens,
    turns_to_leave_out,
)
from minigpt.tokenizers.chat import Message
from pages.chat.speakers import Speaker
from pages.frame import models
from pages.frame.remember import serial
from pages.frame.writing import SEEDS

MOMENT = 0.2
"""Seconds of writing between two pictures."""

STORY = "chat_story"
"""The story's field: its key, and where the session keeps its text."""

_MOST_UNDONE = 30
_MOST_BESIDE = 64


class Asking(NamedTuple):
    """How a question is put: to whom, in which form, answered how."""

    speaker: Speaker
    config: GenerationConfig
    template: bool = True
    may_forget: bool = False
    """Whether the oldest turns may be left out where they do not fit."""


class ChatTurn(NamedTuple):
    """One turn: a question, and the answer that was or is being written."""

    question: str
    answer: Answer
    asking: Asking
    left_out: int
    """How many of the turns before it the model did not read."""


class Talk(NamedTuple):
    """A conversation about a story."""

    story: str = ""
    turns: tuple[ChatTurn, ...] = ()
    number: int = 0
    """Which of the built-in stories it began with."""

    def turns_before(self, number: int) -> list[Turn]:
        """Return the turns before one, as texts."""
        return [Turn(said.question, said.answer.text) for said in self.turns[:number]]

    def messages(self, number: int) -> list[Message]:
        """Return what stood in the window when a turn's answer began."""
        said = self.turns[number]
        turns = [*self.turns_before(number), Turn(said.question)]
        return messages_of(self.story, turns[said.left_out :])


def current() -> Talk:
    """Return this session's conversation."""
    talk: Talk = st.session_state.setdefault("_chat", Talk())
    return talk


def past() -> list[Talk]:
    """Return the conversations that undo leads back to, the nearest last."""
    kept: list[Talk] = st.session_state.setdefault("_chat_past", [])
    return kept


def ask(question: str, asking: Asking, *, instead_of: int | None = None) -> None:
    """Ask something, and begin the answer.

    Args:
        question: What the user says.
        asking: To whom, and how.
        instead_of: The turn that this one takes the place of; what follows is dropped.

    Raises:
        DataError: If it does not fit into the model's window.
    """
    talk = current()
    kept = talk.turns if instead_of is None else talk.turns[:instead_of]
    for said in kept:
        said.answer.stop()
    story = st.session_state.get(STORY, talk.story)
    said = begin(talk._replace(story=story, turns=kept), question, asking)
    if instead_of is not None:
        remember(talk)
    st.session_state["_chat"] = talk._replace(story=story, turns=(*kept, said))
    forget_what_was_open()


def begin(talk: Talk, question: str, asking: Asking) -> ChatTurn:
    """Begin the answer to a question at the end of a conversation."""
    if asking.config.strategy == "sampling" and asking.config.seed is None:
        seed = random.randrange(SEEDS)  # short enough to be read and typed
        asking = asking._replace(config=asking.config.replace(seed=seed))
    model, tokenizer, _ = asking.speaker.checkpoint
    turns = [*talk.turns_before(len(talk.turns)), Turn(question)]
    left_out = 0
    if asking.may_forget:
        left_out = turns_to_leave_out(
            talk.story,
            turns,
            tokenizer,
            model.config.max_seq_len,
            template=asking.template,
        )
    messages = messages_of(talk.story, turns[left_out:])
    read = read_tokens(messages, tokenizer, template=asking.template)
    answer = Answer(model, tokenizer, [each.token for each in read], asking.config)
    return ChatTurn(question, answer, asking, left_out)


def remember(talk: Talk) -> None:
    """Keep a conversation for undo."""
    past().append(talk)
    del past()[:-_MOST_UNDONE]


def undo() -> None:
    """Go back to the conversation before. Call this from a callback."""
    if past():
        talk = past().pop()
        st.session_state["_chat"] = talk
        st.session_state[STORY] = talk.story
        forget_what_was_open()


def clear() -> None:
    """Begin anew about the story in the field. Call this from a callback."""
    talk = current()
    story = st.session_state.get(STORY, talk.story)
    stop()
    if talk.turns or talk.story != story:
        remember(talk)
    st.session_state["_chat"] = Talk(story, number=talk.number)
    forget_what_was_open()


def forget_what_was_open() -> None:
    """Close what belonged to the conversation before: an edit, a token, a problem."""
    for key in ("_chat_editing", "_chat_token", "_chat_problem"):
        st.session_state.pop(key, None)


def stop() -> None:
    """Write no further, anywhere. Call this from a callback."""
    for answer in under_way():
        answer.stop()


def under_way() -> list[Answer]:
    """Return the answers that are still being written."""
    own = [said.answer for said in current().turns]
    return [answer for answer in (*own, *_beside().values()) if not answer.is_done]


def advance() -> None:
    """Write for a moment: every answer that is under way, a token of each in turn."""
    end = time.monotonic() + MOMENT
    with models.turn_to_write():
        while (answers := under_way()) and time.monotonic() < end:
            for answer in answers:
                try:
                    answer.write()
                except MinigptError as error:  # the answer has ended with it
                    st.session_state["_chat_problem"] = str(error)


def answer_beside(
    talk: Talk, number: int, other: Speaker, *, as_a_story: bool = False
) -> Answer:
    """Return what another model answers to the same, begun if need be.

    Args:
        talk: The conversation: the first model's earlier answers are read too.
        number: Which turn's question.
        other: Who answers.
        as_a_story: Put the question as a story would, without the turns before it.

    Raises:
        DataError: If its window is too small for it.
    """
    said = talk.turns[number]
    model, tokenizer, _ = other.checkpoint
    if as_a_story:
        tokens = tuple(read_as_a_story(talk.story, said.question, tokenizer))
    else:
        form = said.asking.template
        read = read_tokens(talk.messages(number), tokenizer, template=form)
        tokens = tuple(each.token for each in read)
    until = CLOSED if as_a_story else None
    key = (serial(model), tokens, said.asking.config, until)
    answers = _beside()
    if key not in answers:
        answers[key] = Answer(model, tokenizer, tokens, said.asking.config, until)
        while len(answers) > _MOST_BESIDE:
            del answers[next(iter(answers))]
    return answers[key]


def _beside() -> dict[object, Answer]:
    kept: dict[object, Answer] = st.session_state.setdefault("_chat_beside", {})
    return kept
