"""What the model reads: the conversation as tokens, the template's own among them."""

from typing import NamedTuple

import streamlit as st

from minigpt.datasets.tales.story import Story
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.conversation_tokens import (
    ROOM_FOR_AN_ANSWER,
    Turn,
    messages_of,
    read_tokens,
    with_roles,
)
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.chat import Message
from pages.chat import story as chat_story
from pages.chat import talk as chat_talk
from pages.chat.speakers import Speaker
from pages.chat.talk import Asking
from pages.frame import notebook
from viz.components.chat_tokens.view import SpokenTokens, chat_tokens


class Row(NamedTuple):
    """One row of tokens: what was read, and what was written after it."""

    messages: list[Message]
    read: list[int]
    written: list[int]
    template: bool
    speaker: Speaker

    @property
    def tokens(self) -> list[int]:
        """All of them."""
        return [*self.read, *self.written]

    @property
    def pieces(self) -> list[str]:
        """Their texts."""
        return self.speaker.checkpoint.tokenizer.pieces(self.tokens)

    @property
    def speakers(self) -> list[str]:
        """Each token's speaker, as `viz.components.chat_tokens.view` names it."""
        tokenizer = self.speaker.checkpoint.tokenizer
        if self.template:
            return _speakers(self.tokens, tokenizer)
        own = [
            "end" if token == tokenizer.eos_id else "assistant"
            for token in self.written
        ]
        return ["plain"] * len(self.read) + own


def _speakers(tokens: list[int], tokenizer: Tokenizer) -> list[str]:
    return [
        ("end" if each.token == tokenizer.eos_id else "template")
        if each.is_template
        else each.role or "plain"
        for each in with_roles(tokens, tokenizer)
    ]


def last_row(asking: Asking, story: Story | None) -> Row | None:
    """Return the row of the last answer, or of the first question that is offered.

    None, where there is no room for even that.
    """
    talk = chat_talk.current()
    if talk.turns:
        number = len(talk.turns) - 1
        said = talk.turns[number]
        return Row(
            talk.messages(number),
            said.answer.read,
            said.answer.tokens,
            said.asking.template,
            said.asking.speaker,
        )
    return example_row(asking, story)


def example_row(asking: Asking, story: Story | None) -> Row | None:
    """Return what would be read if the first question on offer were asked."""
    question = (chat_story.chips(asking.speaker, story) or [""])[0]
    return row_of(asking, st.session_state.get(chat_talk.STORY, ""), question)


def row_of(asking: Asking, story: str, question: str) -> Row | None:
    """Return what is read before the answer to a question; None without room."""
    messages = messages_of(story, [Turn(question)])
    model, tokenizer, _ = asking.speaker.checkpoint
    read = read_tokens(messages, tokenizer, template=asking.template)
    limit = model.config.max_seq_len
    if len(read) + min(ROOM_FOR_AN_ANSWER, limit // 4) > limit:
        return None
    tokens = [each.token for each in read]
    return Row(messages, tokens, [], asking.template, asking.speaker)


def show(asking: Asking, story: Story | None) -> None:
    """Show the exact tokens of the conversation, coloured by who speaks."""
    row = last_row(asking, story)
    if row is None:
        st.caption("The story fills the model's window: there is no room to answer.")
        return
    speakers = row.speakers
    own = sum(speaker in ("template", "end") for speaker in speakers)
    says = (
        f"{len(speakers)} tokens, {own} of them from the template, which never "
        "occur in ordinary text."
    )
    if not row.template:
        says = (
            f"{len(speakers)} tokens: plain text, with nothing that marks who speaks."
        )
    if not chat_talk.current().turns:
        says = f"Asked “{row.messages[-1].content.splitlines()[-1]}”, it reads: {says}"
    chat_tokens(SpokenTokens(row.pieces, speakers), key="chat_read", rest=says)
    notebook.show(
        "what it reads",
        read_tokens,
        f"[each.token for each in read_tokens({row.messages}, tokenizer, "
        f"template={row.template})]",
        drawn=row.read,
        begin=row.speaker.opening,
        also=[Message, ready_to_chat],
    )
