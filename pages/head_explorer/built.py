"""Which windows of the training text built a head: a tab of the Head explorer."""

from pathlib import Path

import streamlit as st

from minigpt.interpret.heads.habits import ALL_HABITS
from minigpt.interpret.influence.findings import Found
from minigpt.interpret.influence.rerun import Window, training_of
from minigpt.interpret.influence.rises import LEAST_RISE, Rise
from pages.frame import models, state
from pages.frame.guard import guard, show_problem
from pages.frame.reading import Place
from pages.frame.words import number
from pages.head_explorer import built_code, built_numbers
from pages.head_explorer.built_numbers import MOMENT, Work
from pages.head_explorer.built_progress import is_live, show_progress
from pages.head_explorer.built_proof import chosen_count, show_proof
from viz.components.tinted_text.view import TintedText, tinted_text
from viz.learning.influence import influence_chart

TAB = "What built it"

SHOWN = 3
"""Windows at either end that are shown as text."""

COPY = 0.001
"""Weights that differ by less are the same, but for the 16 bits of a film's copies."""


def show(place: Place) -> None:
    """Offer to trace a head back to the text, and show what came of it."""
    st.markdown(
        "**Which windows of the training text built this head?** The run is trained "
        "again until the head has formed. From there, the head's score is followed "
        "back through every step to every token: *what if this one had counted a "
        "little more?* Then comes the proof: the same training run, bit for bit, "
        "without the windows that helped most."
    )
    entry = models.chosen_entry()
    if built_numbers.is_training(entry):
        st.caption("This run is still training: come back when it has ended.")
        return
    steps = dict(entry.steps)
    training_of(built_numbers.last_of(steps))  # or it says why that is not known
    rise = _choose_habit(steps, place)
    if rise is None:
        return
    work = built_numbers.work_on(steps, place.layer, place.head, rise.habit)
    live = is_live(work)
    st.fragment(_show_work, run_every=MOMENT if live else None)(work, place, live)


def _choose_habit(steps: dict[int, Path], place: Place) -> Rise | None:
    """Let the reader choose one of the habits that grew in the head."""
    found = built_numbers.rises_of(steps, place.layer, place.head)
    if not found:
        st.caption(
            f"No habit of L{place.layer}H{place.head} grew by {LEAST_RISE} or more in "
            "this run, so there is no step at which it formed. Choose another head."
        )
        return None
    by_name = {rise.habit: rise for rise in found}
    chosen = st.selectbox(
        "What it learned to read",
        list(by_name),
        key="built_habit",
        format_func=lambda name: ALL_HABITS[name],
        width=420,
        help=f"The habits that grew by {LEAST_RISE} or more, the largest rise first.",
        **state.BOUND,
    )
    rise = by_name[chosen]
    began = "" if rise.first != rise.first else f"from {rise.first:.2f} "
    st.caption(
        f"Its score for this, the share of weight in held-out text, grew {began}to "
        f"{rise.last:.2f} in the run."
    )
    return rise


def _show_work(work: Work, place: Place, live: bool) -> None:
    """Work for a moment, if it is on its way, and show how far it is.

    Args:
        work: The study.
        place: Whose head.
        live: Whether this runs again by itself. A button changes that, and so does the
            end: then the page runs anew.
    """
    with guard():
        if live:
            work.go_on()
        if live != is_live(work):
            st.rerun()
        if work.problem is not None:
            show_problem(str(work.problem))
        found = work.study.found
        if found is None:
            show_progress(work, None, "Trace it back", live)
            return
        _show_found(work, found, place)
        show_proof(work, found, place, live)


def _show_found(work: Work, found: Found, place: Place) -> None:
    """Show what every window did, and the texts at both ends."""
    name, windows = f"L{place.layer}H{place.head}", found.windows
    marked = chosen_count(work)
    st.markdown(
        f"**{name} formed at step {found.formed}:** there, its score passed "
        f"{found.level:.2f}, halfway from its first to its last value. Until then the "
        f"model read {windows.size:,} windows. The influence of a window: how much "
        "higher the score at that step would be, going by its slope, if the window "
        "counted twice. A window that counts more makes all others count less, so the "
        "influences add up to 0. **Half of all influence, its sign aside, fell in the "
        f"first {_steps(found.half)}.**"
    )
    st.vega_lite_chart(influence_chart(windows, marked).spec)
    built_code.show_influence(work, found)
    st.caption(_repeated(found))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**The {SHOWN} windows that helped most**")
        for at, window in enumerate(found.ranked[:SHOWN]):
            _show_window(work, found, window, f"helped_{at}")
    with right:
        st.markdown(f"**The {SHOWN} that held it back most**")
        for at, window in enumerate(found.ranked[: -SHOWN - 1 : -1]):
            _show_window(work, found, window, f"held_back_{at}")


def _show_window(work: Work, found: Found, window: Window, key: str) -> None:
    """Show a window, each token tinted by what it did to learn to predict it."""
    tokens = work.study.tokens_of(window)
    pieces = work.study.prepared.tokenizer.pieces(tokens)
    st.caption(
        f"Step {window.step}, row {window.row}: influence "
        f"{found.windows[window]:+.3g}".replace("-", "−")
    )
    text = TintedText(pieces, found.of_tokens(window), "of the score")
    tinted_text(text, key=f"built_{key}")


def _repeated(found: Found) -> str:
    """Say whether the training, taken again, is the run's own."""
    if not found.drift:
        return (
            "The run kept no copy of its early steps, so whether it came out the same "
            "when trained again cannot be checked."
        )
    most = max(found.drift.values())
    count = len(found.drift)
    copies = (
        f"the {count} copies that the run kept until then"
        if count > 1
        else ("the copy that the run kept")
    )
    if most == 0:
        return f"Trained again, its weights equal {copies}, bit for bit."
    if most < COPY:
        return f"Trained again, its weights equal {copies}, in all of their 16 bits."
    return (
        f"Trained again, its weights come as close as {number(most)} of their length "
        f"to {copies}: a different processor or number of threads adds up in a "
        "different order."
    )


def _steps(count: int) -> str:
    return "step" if count == 1 else f"{count} steps"
