"""A conversation that Chat's tour shows: one question, and its answer to the end."""

from typing import NamedTuple

import streamlit as st

from pages.chat import talk as chat_talk
from pages.chat.reads import Row
from pages.chat.talk import Asking, ChatTurn, Talk
from pages.frame import models

LONGEST = 80
"""Characters of an answer that are quoted."""

Settings = dict[str, object]


class Told(NamedTuple):
    """A conversation of one turn, whose answer is complete."""

    asking: Asking
    talk: Talk

    @property
    def said(self) -> ChatTurn:
        """The turn."""
        return self.talk.turns[0]

    @property
    def answer(self) -> str:
        """What is quoted of the answer."""
        return short(self.said.answer.text)

    @property
    def settings(self) -> Settings:
        """What brings it to the page."""
        return {"_chat": self.talk, "chat_template": self.asking.template}

    @property
    def row(self) -> Row:
        """All its tokens."""
        answer = self.said.answer
        read, written = answer.read, answer.tokens
        told = self.talk.messages(0)
        return Row(told, read, written, self.asking.template, self.asking.speaker)


def empty() -> Talk:
    """Return the conversation about the story in the field, before the first word."""
    now = chat_talk.current()
    return Talk(st.session_state.get(chat_talk.STORY, now.story), (), now.number)


def ask(begin: Talk, question: str, asking: Asking) -> Told:
    """Have a question answered, to the end.

    Raises:
        DataError: If there is no room for it.
    """
    said = chat_talk.begin(begin, question, asking)
    with models.turn_to_write():
        said.answer.text_in_full()
    return Told(asking, begin._replace(turns=(said,)))


def short(said: str) -> str:
    """Return a text on one line; of a long one its beginning."""
    line = said.replace("\n", " ").strip()
    if len(line) <= LONGEST:
        return line
    return f"{line[:LONGEST].rpartition(' ')[0] or line[:LONGEST]} …"
