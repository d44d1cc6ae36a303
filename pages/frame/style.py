"""The few rules of style that Streamlit's theme has no setting for."""

from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).parent
_RULES = (_FOLDER / "style.css").read_text(encoding="utf-8")


def apply() -> None:
    """Add the rules, and the name in the corner, to this page."""
    st.html(f"<style>{_RULES}</style>")
    st.logo(
        str(_FOLDER / "logo.svg"), icon_image=str(_FOLDER / "icon.svg"), size="large"
    )
