"""How far the tracing of a head is: the button that begins it, and the one to stop."""

import streamlit as st

from pages.frame.words import duration
from pages.head_explorer.built_numbers import Work


def show_progress(work: Work, count: int | None, label: str, live: bool) -> None:
    """Show the button that begins or goes on, or how far it is and how to stop."""
    now, left = work.progress, work.seconds_left
    is_begun = work.is_begun and work.asked == count
    if is_begun and now is not None:
        limit = "at most " * now.ends_earlier
        words = f"{now.words} …"
        if now.done:
            words = f"{now.words}: step {now.done} of {limit}{now.total}"
        if live and left is not None:
            words += f", {limit or 'about '}{duration(left)} left"
        st.progress(now.done / now.total, words)
    if live:
        st.button(
            "Stop",
            icon=":material/stop:",
            key="built_stop",
            on_click=_stop,
            args=(work,),
        )
        return
    st.button(
        "Go on" if is_begun else label,
        icon=":material/play_arrow:",
        key="built_begin" if count is None else "built_prove",
        on_click=_begin,
        args=(work, count),
        help="Takes about three times as long as the run took until the head formed."
        if count is None
        else "Takes about four times as long as the run took until the head formed.",
    )


def _begin(work: Work, count: int | None) -> None:
    work.begin(count)
    st.session_state.pop("_built_stopped", None)


def _stop(work: Work) -> None:
    st.session_state["_built_stopped"] = id(work)


def is_live(work: Work) -> bool:
    """Whether a part is on its way that this reader has not stopped."""
    return work.is_begun and st.session_state.get("_built_stopped") != id(work)
