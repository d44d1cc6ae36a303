"""The sidebar: which model every page looks at, and at which step of its training."""

import streamlit as st

from minigpt.runs import ModelEntry
from pages.frame import glossary, keyboard, models, present, state


def show() -> None:
    """Show the choice of model and step, and the way into present mode."""
    with st.sidebar:
        known = models.entries()
        if known:
            entry = _choose_model(known)
            _choose_step(entry)
        else:
            st.caption("No model yet. Train one: it takes a minute.")
        st.space("stretch")
        _show_ways_on()


def _show_ways_on() -> None:
    """Show what helps on every page: present mode, words, keys."""
    with st.container(horizontal=True, gap="small", key="ways_on"):
        st.button(
            "Present",
            icon=":material/slideshow:",
            type="tertiary",
            on_click=present.switch,
            args=(True,),
            help="For a projector: large type, no sidebar. ✕ leads back.",
        )
        if st.button("Glossary", icon=":material/menu_book:", type="tertiary"):
            glossary.show()
        if st.button("Keys", icon=":material/keyboard:", type="tertiary"):
            keyboard.show_help()
    st.caption("Light or dark: menu ⋮, top right.")


def _choose_model(known: list[ModelEntry]) -> ModelEntry:
    titles = {entry.id: entry for entry in known}
    state.keep_possible("model", list(titles), "model")
    chosen = st.selectbox(
        "Model",
        list(titles),
        index=known.index(models.default_entry(known)),
        key="model",
        on_change=_forget_step,
        help="Shipped models first, then those you trained. Every page looks at it.",
        **state.BOUND,
    )
    entry = titles[chosen]
    with st.container(key="about_model"):
        kind = "Shipped. " if entry.kind == "shipped" else "Your run. "
        st.text(kind + entry.description)
    return entry


def _choose_step(entry: ModelEntry) -> None:
    steps = [step for step, _ in entry.steps]
    if len(steps) < 2:
        st.session_state.pop("step", None)
        return
    state.keep_possible("step", steps, "training step")
    st.select_slider(
        "Training step",
        steps,
        value=steps[-1],
        key="step",
        help="The time machine: the same model, earlier in its training.",
        **state.BOUND,
    )


def _forget_step() -> None:
    """Begin at the end of another model's training; its steps are others."""
    state.forget_unknown("model")
    st.session_state.pop("step", None)
