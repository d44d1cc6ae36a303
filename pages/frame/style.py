"""The few rules of style that Streamlit's theme has no setting for."""

from pathlib import Path

import streamlit as st

_RULES = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


def apply() -> None:
    """Add the rules to this page."""
    st.html(f"<style>{_RULES}</style>")
