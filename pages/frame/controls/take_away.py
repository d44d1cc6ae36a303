"""A lesson to take along: the chosen model and its lessons in one file."""

from collections.abc import Callable
from contextlib import suppress

import streamlit as st

from minigpt import spaces
from minigpt.errors import MinigptError
from minigpt.lesson_file.contents import LESSONS, why_not
from minigpt.lesson_file.document import lesson_file, lesson_title
from minigpt.lesson_file.scorm import scorm_package
from pages.frame import models, state
from pages.frame.words import plain


def show(page: str) -> None:
    """Show the buttons that download the file, on pages whose lesson has one.

    Args:
        page: The page's path in the URL.
    """
    if page not in LESSONS:
        return
    with suppress(MinigptError):  # The page itself has said what is wrong.
        _show_buttons(page)


def _show_buttons(page: str) -> None:
    checkpoint, entry = models.chosen(), models.chosen_entry()
    reason = why_not(checkpoint.model, checkpoint.tokenizer)
    prompt = str(state.get("prompt", state.DEFAULT_PROMPT))
    head = int(state.get("layer", 0)), int(state.get("head", 0))

    def file() -> str:
        return lesson_file(
            checkpoint,
            name=entry.id,
            lesson=page,
            prompt=prompt,
            head=head,
            steps=entry.steps,
        )

    def package() -> bytes:
        return scorm_package(file(), title=lesson_title(entry.id, page))

    _button(
        "Take it with you",
        file,
        f"{entry.id}-{page}.html",
        reason,
        "One file with this model and its lessons. It opens in any browser, on a phone "
        "too, without a network.",
    )
    _button(
        "For a learning platform",
        package,
        f"{entry.id}-{page}.zip",
        reason,
        "The same file as a SCORM 1.2 package. Moodle and other platforms import it, "
        "and keep which of its questions were answered, and how many right.",
    )


def _button(
    label: str, make: Callable[[], str | bytes], name: str, reason: str, told: str
) -> None:
    """Show one download, or why there is none."""
    kind = name.rpartition(".")[2]
    st.download_button(
        label,
        # Made on the click, when nothing is left of this run but what it captured.
        spaces.carried(make),
        name,
        mime={"html": "text/html", "zip": "application/zip"}[kind],
        key=f"take_away_{kind}",
        on_click="ignore",
        icon={"html": ":material/download:", "zip": ":material/school:"}[kind],
        type="tertiary",
        disabled=bool(reason),
        help=plain(reason) or told,
    )
