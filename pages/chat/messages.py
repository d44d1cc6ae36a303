"""The conversation itself: what was said, what can be done with it, what comes next."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from minigpt.datasets.tales.story import Story
from minigpt.errors import DataError
from minigpt.finetuning.answering import Answer
from pages.chat import honesty, own, settings, talk
from pages.chat import story as chat_story
from pages.chat.talk import Asking, ChatTurn
from pages.frame import models
from pages.frame.guard import show_note, show_problem
from pages.frame.words import plain

HEIGHT = 400
"""Pixels of the conversation, so that what is written next stays in sight."""

USER, ASSISTANT = ":material/person:", ":material/smart_toy:"

LONGEST = 2000
"""Characters of one question."""

_ENDINGS = {
    "length": "stopped at max_new_tokens",
    "window": "stopped: the window is full",
    "stopped": "stopped",
}


def show(story: Story | None, asking: Asking) -> None:
    """Show story, conversation and the field for the next question."""
    live = bool(talk.under_way())
    show_buttons(asking)
    with st.container(height=HEIGHT, key="chat_talk", autoscroll=True):
        chat_story.show_field(story)
        turns = talk.current().turns
        for number, said in enumerate(turns):
            state = "forgotten" if number < _left_out() else "read"
            with st.container(key=f"{state}_{number}", gap="small"):
                show_question(number, said, asking, live=live)
                if number != _editing():
                    show_answer(number, said, story, asking)
        if _editing() == len(turns):
            edit(len(turns), st.session_state.get("_chat_refused", ""), asking)
        if problem := st.session_state.get("_chat_problem"):
            show_problem(problem)
        if not live:
            offer(story, asking)
    about = "" if own.has_own_file(asking.speaker) else " about the story"
    # Below the text, where what is written does not move it from under the mouse.
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.chat_input(
            f"Ask a question{about}",
            key="chat_input",
            max_chars=LONGEST,
            disabled=live,
            on_submit=_say_what_is_typed,
            args=(asking,),
        )
        if live:
            st.button(
                "Stop",
                icon=":material/stop:",
                key="chat_stop",
                on_click=talk.stop,
            )


def _say_what_is_typed(asking: Asking) -> None:
    typed = st.session_state.get("chat_input")
    if typed is not None:
        try_to_say(str(typed), asking)


def offer(story: Story | None, asking: Asking) -> None:
    """Offer what was not asked yet, to be said with one click."""
    asked = {said.question for said in talk.current().turns}
    with st.container(horizontal=True, gap="small", key="chat_chips"):
        for number, text in enumerate(chat_story.chips(asking.speaker, story)):
            if text not in asked:
                st.button(
                    plain(text),
                    key=f"chip_{number}",
                    on_click=try_to_say,
                    args=(text, asking),
                )


def say(text: str, asking: Asking, *, instead_of: int | None = None) -> None:
    """Ask, or say why not and let the question be changed; run the page anew."""
    try_to_say(text, asking, instead_of=instead_of)
    st.rerun()


def try_to_say(text: str, asking: Asking, *, instead_of: int | None = None) -> None:
    """Ask, or keep why not. In a callback, nothing is drawn twice for it."""
    if not text.strip():
        st.session_state["_chat_problem"] = "The question is empty: type one."
        return
    try:
        talk.ask(text.strip(), asking, instead_of=instead_of)
    except DataError as error:
        st.session_state["_chat_problem"] = str(error)
        if instead_of is None:
            st.session_state["_chat_editing"] = len(talk.current().turns)
            st.session_state["_chat_refused"] = text.strip()


def show_question(number: int, said: ChatTurn, asking: Asking, *, live: bool) -> None:
    """Show what the user said, or the field in which it is changed."""
    if number == _editing():
        edit(number, said.question, asking)
        return
    with (
        st.chat_message("user", avatar=USER),
        st.container(horizontal=True, vertical_alignment="center", gap="small"),
    ):
        st.text(said.question, width="stretch")
        st.button(
            "Edit",
            icon=":material/edit:",
            type="tertiary",
            key=f"edit_{number}",
            help="Change this question. Everything after it is removed; Undo brings "
            "it back.",
            on_click=_open_edit,
            args=(number,),
            disabled=live,
        )
    unknown = asking.speaker.checkpoint.tokenizer.unknown(said.question)
    if unknown:
        show_note(models.unknown_words(unknown))


def edit(number: int, question: str, asking: Asking) -> None:
    """Let a question be changed and asked."""
    with st.chat_message("user", avatar=USER):
        text = st.text_area(
            "The question",
            question,
            key=f"edited_{number}",
            max_chars=LONGEST,
            label_visibility="collapsed",
            height=80,
        )
        with st.container(horizontal=True, gap="small"):
            if st.button("Ask this", type="primary", key=f"ask_{number}"):
                is_new = number == len(talk.current().turns)
                say(text, asking, instead_of=None if is_new else number)
            st.button(
                "Cancel",
                key=f"leave_{number}",
                on_click=talk.forget_what_was_open,
            )


def show_answer(
    number: int, said: ChatTurn, story: Story | None, asking: Asking
) -> None:
    """Show an answer, whether it is right, and how it came about."""
    answer = said.answer
    forgotten = number < _left_out()
    with answering(f"answer_{number}"):
        st.text(answer.text or ("…" if not answer.is_done else "(nothing)"))
        if not answer.is_done:
            return
        verdict = right_or_wrong(said, story, answer)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(" · ".join(_about(said, verdict, forgotten)), width="stretch")
            if number == len(talk.current().turns) - 1:
                _offer_again(number, said, asking)
        honesty.show(number, said, story)


@contextmanager
def answering(key: str) -> Iterator[None]:
    """Stand where a model speaks.

    Args:
        key: The place's name on this page.
    """
    with (
        st.chat_message("assistant", avatar=ASSISTANT),
        st.container(key=key, gap=None),
    ):
        yield


def _offer_again(number: int, said: ChatTurn, asking: Asking) -> None:
    if st.button(
        "Again",
        icon=":material/refresh:",
        type="tertiary",
        key="chat_again",
        help="Answer again with the current settings. Greedy gives the same answer; "
        "sampling without a seed gives a new one.",
    ):
        say(said.question, asking, instead_of=number)


def right_or_wrong(said: ChatTurn, story: Story | None, answer: Answer) -> str:
    """Say whether an answer is right, in Markdown; "" where that is not known.

    Args:
        said: What was asked, and of whom.
        story: The built-in story that is offered, if any.
        answer: That model's, or the one's beside it.
    """
    asked = chat_story.known(story, said.question)
    if asked is not None:
        if asked.is_answered_by(answer.text):
            return "**✓ Right**"
        return f"**✗ The story says: {plain(asked.question.answer)}**"
    right = own.right_answer(said.asking.speaker, said.question)
    if right is None:
        return ""
    if answer.text.strip() == right.strip():
        return "**✓ Right**"
    return f"**✗ Your file says: {plain(right)}**"


def _about(said: ChatTurn, verdict: str, forgotten: bool) -> list[str]:
    ending = _ENDINGS.get(said.answer.ending or "", "")
    how = settings.describe(said.asking)
    told = "no longer read" if forgotten else ""
    return [part for part in (verdict, how, ending, told) if part]


def _left_out() -> int:
    """Count the turns that the last answer did not read."""
    turns = talk.current().turns
    return turns[-1].left_out if turns else 0


def _editing() -> int | None:
    number: int | None = st.session_state.get("_chat_editing")
    return number


def _open_edit(number: int) -> None:
    talk.forget_what_was_open()
    st.session_state["_chat_editing"] = number


def show_buttons(asking: Asking) -> None:
    """Show what concerns the whole conversation."""
    has_begun, can_undo = bool(talk.current().turns), bool(talk.past())
    tells = not own.has_own_file(asking.speaker)
    buttons = (
        (
            "Another story",
            "menu_book",
            chat_story.another,
            tells,
            "This model was tuned on a file that tells no stories.",
            None,
        ),
        (
            "Clear",
            "delete_sweep",
            talk.clear,
            has_begun,
            "There is no conversation yet.",
            "Start over with this story.",
        ),
        (
            "Undo",
            "undo",
            talk.undo,
            can_undo,
            "There is nothing to undo.",
            "Undo a changed question, a new answer, a new story, or Clear.",
        ),
    )
    with st.container(horizontal=True, gap="medium", key="chat_buttons"):
        for label, icon, action, is_on, why_not, what_for in buttons:
            st.button(
                label,
                icon=f":material/{icon}:",
                type="tertiary",
                key=f"chat_{icon}",
                on_click=action,
                disabled=not is_on,
                help=what_for if is_on else why_not,
            )


def ask_again_if_wanted(asking: Asking) -> None:
    """Ask the last question again, after the template was switched."""
    turns = talk.current().turns
    if st.session_state.pop("_chat_again", False) and turns:
        try:
            talk.ask(turns[-1].question, asking, instead_of=len(turns) - 1)
        except DataError as error:
            st.session_state["_chat_problem"] = str(error)
