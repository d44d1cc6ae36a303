"""Present mode: `?present=1` hides the sidebar and enlarges the type."""

import streamlit as st

from pages.frame import models
from pages.frame.controls import time_machine

_RULES = """
html { font-size: 20px !important; }
[data-testid="stSidebar"], [data-testid="stExpandSidebarButton"],
[data-testid="stHeader"] { display: none !important; }
/* The steps and the way out stand in a margin of their own, and cover nothing. */
[data-testid="stMainBlockContainer"] {
  padding: 0.2rem 3.6rem 2rem 1.2rem !important; max-width: none;
}
[data-testid="stMainBlockContainer"] [data-testid="stVerticalBlock"] { gap: 0.38rem; }
.st-key-take_tour button { min-height: 2rem; padding: 0 0.75rem; }
[data-testid="stMainBlockContainer"] h1 {
  font-size: 1.6rem; line-height: 1.15; padding: 0.1rem 0 0.2rem;
}
[data-testid="stMainBlockContainer"] h3 { line-height: 1.2; padding: 0.3rem 0 0.5rem; }
[class*="st-key-predict_"] summary { padding: 0.15rem 0.6rem !important; }
[class*="st-key-predict_"] details:not([open]) > summary p {
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
}
[class*="st-key-predict_"]:has(summary) { padding: 0 0 0 0.6rem !important; }
.st-key-_go_to_opening { display: none; }
/* The figure needs the line; the teacher says what it is about. */
[data-testid="stMainBlockContainer"]:has([class*="st-key-predict_"] summary)
  .st-key-lesson_goal { display: none; }
.st-key-lesson_goal p { font-size: 1rem; }
/* Why a lesson opened where it did: for whoever prepares it, not for the class. */
.st-key-opening { display: none; }
.st-key-class_vote [data-testid="stMarkdown"] p { font-size: 1.4rem; }
"""


def is_on() -> bool:
    """Whether this session presents; the URL decides when the session starts."""
    if "_present" not in st.session_state:
        st.session_state["_present"] = st.query_params.get("present") == "1"
    return bool(st.session_state["_present"])


def switch(on: bool) -> None:
    """Start or stop presenting. Call this from a callback."""
    st.session_state["_present"] = on


def apply() -> None:
    """Keep the URL in step, and change the looks when the session presents."""
    if not is_on():
        st.query_params.pop("present", None)
        return
    st.query_params["present"] = "1"
    st.html(f"<style>{_RULES}</style>")
    with st.container(key="leave_present"):
        st.button("✕", help="Leave present mode", on_click=switch, args=(False,))
        if models.entries():
            time_machine.show_small(models.chosen_entry())
