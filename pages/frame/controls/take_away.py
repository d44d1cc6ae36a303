"""A lesson to take along: the chosen model and its lessons in one file."""

from contextlib import suppress

import streamlit as st

from minigpt import spaces
from minigpt.errors import MinigptError
from minigpt.lesson_file.contents import LESSONS, why_not
from minigpt.lesson_file.document import lesson_file
from pages.frame import models, state
from pages.frame.words import plain


def show(page: str) -> None:
    """Show the button that downloads the file, on pages whose lesson has one.

    Args:
        page: The page's path in the URL.
    """
    if page not in LESSONS:
        return
    with suppress(MinigptError):  # The page itself has said what is wrong.
        checkpoint, entry = models.chosen(), models.chosen_entry()
        reason = why_not(checkpoint.model, checkpoint.tokenizer)
        prompt = str(state.get("prompt", state.DEFAULT_PROMPT))
        head = int(state.get("layer", 0)), int(state.get("head", 0))
        st.download_button(
            "Take it with you",
            # Made on the click, when nothing is left of this run but what it captured.
            spaces.carried(
                lambda: lesson_file(
                    checkpoint,
                    name=entry.id,
                    lesson=page,
                    prompt=prompt,
                    head=head,
                    steps=entry.steps,
                )
            ),
            f"{entry.id}-{page}.html",
            mime="text/html",
            key="take_away",
            on_click="ignore",
            icon=":material/download:",
            type="tertiary",
            disabled=bool(reason),
            help=plain(reason)
            or "One file with this model and its lessons. It opens in any browser, on "
            "a phone too, without a network.",
        )
