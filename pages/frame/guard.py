"""What a reader sees when something goes wrong: one clear line, where it went wrong.

`MinigptError` is something the reader can mend, and its text says how. Anything else is
a bug: it goes to the log with its traceback, and the page shows the reference number
under which it is found there.
"""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import streamlit as st
from streamlit.errors import StreamlitDuplicateElementKey

from minigpt import errors

logger = logging.getLogger("minigpt.app")


@contextmanager
def guard() -> Iterator[None]:
    """Show what goes wrong inside the `with` in place, and let the page go on.

    Streamlit's own signals (stop, rerun, switch page) are not errors and pass through.
    """
    try:
        yield
    except errors.MinigptError as error:
        show_problem(str(error))
    except Exception:
        reference = secrets.token_hex(3)
        logger.exception("Reference %s", reference)
        show_problem(
            "Something broke. It is not your fault. The server's log has the details "
            f"under the reference {reference}."
        )


def show_problem(text: str) -> None:
    """Show one line about what does not work. The text is shown as it is."""
    _boxed(f"⚠  {text}", "problem")


def show_note(text: str) -> None:
    """Show one line the reader should know. The text is shown as it is."""
    _boxed(text, "note")


def _boxed(text: str, kind: str) -> None:
    # Not st.error: it renders Markdown, and the text may quote what a user typed.
    key = f"{kind}_{sha256(text.encode()).hexdigest()[:12]}"
    try:
        box = st.container(border=True, key=key)
    except StreamlitDuplicateElementKey:
        return  # two places met the same problem: once is enough
    box.text(text)
