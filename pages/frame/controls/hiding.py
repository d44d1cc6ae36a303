"""Controls that a shared link hides: `?hide=model,prompt`.

What is hidden is only out of sight; its value still comes from the URL. A teacher hides
what would distract, and whoever edits the link sees everything again.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import streamlit as st

from minigpt.errors import near_names


class Hideable(NamedTuple):
    """One kind of control, on whichever page it stands."""

    label: str
    selector: str
    """What it is in CSS: Streamlit names the element of the key `k` `.st-key-k`."""


HIDEABLE: Final = {
    "sidebar": Hideable(
        "Sidebar",
        "[data-testid=stSidebar], [data-testid=stExpandSidebarButton]",
    ),
    "model": Hideable("Model", ".st-key-model, .st-key-about_model"),
    "step": Hideable("Training step", ".st-key-step, .st-key-time_machine"),
    "prompt": Hideable("Prompt", ".st-key-prompt"),
    "place": Hideable(
        "Layer, head, token", ".st-key-layer, .st-key-head, .st-key-token"
    ),
    "predict": Hideable("Predict", "[class*=st-key-predict_]"),
    "check": Hideable("Check", ".st-key-check"),
    "code": Hideable("Code", "[class*=st-key-code_of_]"),
    "save": Hideable("Save", "[class*=st-key-save_of_]"),
    "provenance": Hideable("Where numbers come from", "[class*=st-key-provenance_]"),
    "source": Hideable("Source", ".st-key-lesson_source"),
}


def hidden() -> tuple[str, ...]:
    """Return what this session hides; the URL decides when the session starts."""
    if "_hide" not in st.session_state:
        asked = [n for n in st.query_params.get("hide", "").split(",") if n.strip()]
        names = [name.strip() for name in asked]
        st.session_state["_hide"] = tuple(name for name in HIDEABLE if name in names)
        st.session_state["_unknown_hide"] = _unknown(names)
    found: tuple[str, ...] = st.session_state["_hide"]
    return found


def apply() -> list[str]:
    """Hide it, keep the URL in step, and return the names that the link got wrong."""
    names = hidden()
    if names:
        st.query_params["hide"] = ",".join(names)
        selectors = ", ".join(HIDEABLE[name].selector for name in names)
        st.html(f"<style>{selectors} {{ display: none !important; }}</style>")
    else:
        st.query_params.pop("hide", None)
    notes: list[str] = st.session_state["_unknown_hide"]
    return notes


def _unknown(names: Iterable[str]) -> list[str]:
    return [
        f"The link hides {name!r}, and there is no such control. "
        f"There are: {', '.join(HIDEABLE)}.{near_names(name, HIDEABLE)}"
        for name in names
        if name not in HIDEABLE
    ]
