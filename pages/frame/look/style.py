"""The few rules of style that Streamlit's theme has no setting for."""

from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).parent
_RULES = "\n".join(
    (_FOLDER / name).read_text(encoding="utf-8") for name in ("style.css", "print.css")
)


def apply() -> None:
    """Add the rules, and the name in the corner, to this page."""
    st.html(f"<style>{_RULES}</style>")
    st.logo(
        str(_FOLDER / "logo.svg"), icon_image=str(_FOLDER / "icon.svg"), size="large"
    )
