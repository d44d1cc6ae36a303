"""How answers are chosen, how questions are put, and how full the window is."""

import streamlit as st

from minigpt.config import GenerationConfig
from minigpt.finetuning.conversation_tokens import Turn, messages_of, read_tokens
from pages.chat import talk as chat_talk
from pages.chat.speakers import Speaker
from pages.chat.talk import Asking
from pages.frame import state, words
from pages.frame.controls import settings

GREEDY, SAMPLING = "greedy", "sampling"
BASE = GenerationConfig(max_new_tokens=64)

_FIELDS = ("temperature", "top_k", "top_p", "seed")


def choose(speaker: Speaker) -> Asking:
    """Show the settings behind a button, and return how questions are put now.

    Raises:
        ConfigError: If a setting is out of range.
    """
    with st.popover("How it answers", icon=":material/tune:", key="chat_settings"):
        strategy = st.segmented_control(
            "Strategy",
            [GREEDY, SAMPLING],
            default=GREEDY,
            required=True,
            key="chat_strategy",
            **state.BOUND,
        )
        values = {"max_new_tokens": settings.field(BASE, "max_new_tokens", "chat")}
        if strategy == SAMPLING:
            values |= settings.edit_some(BASE, "chat", _FIELDS, columns=2)
        else:
            st.caption(
                "Always the likeliest token: the same question gets the same answer."
            )
        may_forget = st.toggle(
            "When full, leave out the oldest turns",
            key="chat_may_forget",
            **state.BOUND,
            help="Off: a question that does not fit is refused. On: the oldest turns "
            "are no longer read, and are shown faded. The story always stays.",
        )
    template = st.toggle(
        "Template",
        value=True,
        key="chat_template",
        **state.BOUND,
        on_change=_ask_again_soon,
        help="On: special tokens mark who speaks. Off: the model reads the same "
        "words as plain text. The last question is asked again.",
    )
    config = GenerationConfig(strategy=strategy, **values)
    return Asking(speaker, config, template, may_forget)


def _ask_again_soon() -> None:
    """Note that the last question is to be asked again, in the other form."""
    st.session_state["_chat_again"] = True


def show_meter(asking: Asking) -> None:
    """Show how much of the model's window the conversation fills."""
    limit = asking.speaker.checkpoint.model.config.max_seq_len
    used = used_tokens(asking)
    left = limit - used
    line = f"**{used}** of {limit} tokens"
    line += f" · {left} left" if left > 0 else " · full"
    st.progress(min(1.0, used / limit), line)


def used_tokens(asking: Asking) -> int:
    """Count what the conversation so far takes, the next question not included."""
    talk = chat_talk.current()
    turns = talk.turns_before(len(talk.turns))
    left_out = talk.turns[-1].left_out if talk.turns else 0
    story = st.session_state.get(chat_talk.STORY, talk.story)
    messages = messages_of(story, turns[left_out:] or [Turn("")])
    tokenizer = asking.speaker.checkpoint.tokenizer
    return len(read_tokens(messages, tokenizer, template=asking.template))


def describe(asking: Asking) -> str:
    """Say, in Markdown, how an answer was chosen."""
    form = "" if asking.template else "no template · "
    chosen = "greedy"
    if asking.config.strategy != GREEDY:
        chosen = f"sampled, seed {asking.config.seed}"
    return f"{words.plain(asking.speaker.name)} · {form}{chosen}"
