"""Present mode: `?present=1` hides the sidebar and enlarges the type."""

import streamlit as st

from pages.frame import models, time_machine

_RULES = """
html { font-size: 20px !important; }
[data-testid="stSidebar"], [data-testid="stExpandSidebarButton"],
[data-testid="stHeader"] { display: none !important; }
[data-testid="stMainBlockContainer"] {
  padding: 0.2rem 1.5rem 3rem !important; max-width: none;
}
[data-testid="stMainBlockContainer"] [data-testid="stVerticalBlock"] { gap: 0.45rem; }
[data-testid="stMainBlockContainer"] h1 { font-size: 1.6rem; padding: 0; }
[data-testid="stMainBlockContainer"] h3 { padding: 0; }
[class*="st-key-predict_"] { padding: 0.3rem 0.8rem !important; gap: 0 !important; }
.st-key-lesson_goal p { font-size: 1rem; }
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
    with st.container(key="leave_present", horizontal=True, gap="small"):
        if models.entries():
            time_machine.show_small(models.chosen_entry())
        st.button("✕", help="Leave present mode", on_click=switch, args=(False,))
