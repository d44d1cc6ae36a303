"""The sidebar: the model that every page uses, and at which step of its training."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.library.catalogue import ModelEntry
from pages.frame import covering, glossary, models, state
from pages.frame.controls import keyboard, time_machine
from pages.frame.look import present

KINDS = {
    "shipped": "Shipped",
    "shared": "Shared with the class",
    "brought": "Brought here",
    "run": "Your run",
}


def show() -> DeltaGenerator:
    """Show the choice of model and step, and what helps on every page.

    Returns:
        Where a link to this page can be offered, once the page is known.

    The style puts all this above the navigation, where it is in sight on every screen.
    """
    with st.sidebar:
        known = models.entries()
        if known:
            time_machine.show(_choose_model(known))
        else:
            st.caption("No model yet. Train one: it takes a minute.")
        share = _show_aids()
        covering.toggle()
        return share


def _choose_model(known: list[ModelEntry]) -> ModelEntry:
    titles = {entry.id: entry for entry in known}
    state.keep_possible("model", list(titles), "model")
    chosen = st.selectbox(
        "Model",
        list(titles),
        index=known.index(models.default_entry(known)),
        key="model",
        on_change=_forget_step,
        help=(
            "Every page uses this model. Shipped models come first, then those you "
            "trained."
        ),
        **state.BOUND,
    )
    entry = titles[chosen]
    with st.container(key="about_model"):
        st.text(f"{KINDS[entry.kind]}. {entry.description}")
    return entry


def _show_aids() -> DeltaGenerator:
    """Show present mode, the words of the course, and the keys."""
    with st.container(horizontal=True, gap="small", key="aids"):
        st.button(
            "Present",
            type="tertiary",
            on_click=present.switch,
            args=(True,),
            help="For a projector: large type and no sidebar; ✕ brings you back. "
            "Choose light or dark in the menu ⋮, top right.",
        )
        if st.button("Glossary", type="tertiary"):
            glossary.show()
        if st.button("Keys", type="tertiary"):
            keyboard.show_help()
        return st.container(width="content")


def _forget_step() -> None:
    """Begin at the end of another model's training; its steps are others."""
    state.forget_unknown("model")
    st.session_state.pop("step", None)
