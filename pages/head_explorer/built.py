"""Which windows of the training text built a head: a tab of the Head explorer."""

from pathlib import Path

import streamlit as st

from minigpt.interpret.heads.habits import ALL_HABITS
from minigpt.interpret.influence.findings import Found, Proof
from minigpt.interpret.influence.growth import Growth
from minigpt.interpret.influence.rerun import Window, training_of
from minigpt.interpret.influence.rises import LEAST_RISE, Rise
from pages.frame import models, state
from pages.frame.guard import guard, show_problem
from pages.frame.reading import Place
from pages.frame.words import duration, number
from pages.head_explorer import built_code, built_numbers
from pages.head_explorer.built_numbers import MOMENT, Work
from viz.components.tinted_text.view import TintedText, tinted_text
from viz.learning.influence import (
    ORIGINAL,
    WITHOUT_RANDOM,
    WITHOUT_TOP,
    growth_chart,
    influence_chart,
)

TAB = "What built it"

SHOWN = 3
"""Windows at either end that are shown as text."""

SHARES = {"0.5%": 0.005, "1%": 0.01, "2%": 0.02}
"""Of all windows that the run reads."""

COPY = 0.001
"""Weights that differ by less are the same, but for the 16 bits of a film's copies."""


def show(place: Place) -> None:
    """Offer to trace a head back to the text, and show what came of it."""
    st.markdown(
        "**Which windows of the training text built this head?** The run is trained "
        "again until the head has formed. From there, the head's score is followed "
        "back through every step to every token: *what if this one had counted a "
        "little more?* Then comes the proof: the same training, bit for bit, without "
        "the windows that helped most."
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
    live = _is_live(work)
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
        if live != _is_live(work):
            st.rerun()
        if work.problem is not None:
            show_problem(str(work.problem))
        found = work.study.found
        if found is None:
            _show_progress(work, None, "Trace it back", live)
            return
        _show_found(work, found, place)
        _show_proof(work, found, place, live)


def _show_progress(work: Work, count: int | None, label: str, live: bool) -> None:
    """Show the button that begins or goes on, or how far it is and how to stop."""
    now, left = work.progress, work.seconds_left
    if work.is_begun and now is not None:
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
        "Go on" if work.is_begun else label,
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


def _is_live(work: Work) -> bool:
    """Whether a part is on its way that this reader has not stopped."""
    return work.is_begun and st.session_state.get("_built_stopped") != id(work)


def _show_found(work: Work, found: Found, place: Place) -> None:
    """Show what every window did, and the texts at both ends."""
    name, windows = f"L{place.layer}H{place.head}", found.windows
    marked = _count(work)
    st.markdown(
        f"**{name} formed at step {found.formed}:** there, its score passed "
        f"{found.level:.2f}, halfway from its first to its last value. "
        f"Until then it read {windows.size:,} windows. The influence of a window: how "
        "much higher the score at that step would be, going by its slope, if the "
        "window counted twice. A window that counts more lets all others count less, "
        "so the influences add up to 0."
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
        f"to {copies}: another processor, or other threads, add up in another order."
    )


def _show_proof(work: Work, found: Found, place: Place, live: bool) -> None:
    """Offer to train without the windows that helped, and show what came of it."""
    st.subheader("Train again without them", anchor=False)
    share = st.segmented_control(
        "Take out, of all windows that the run reads",
        list(SHARES),
        default="2%",
        required=True,
        key="built_share",
        **state.BOUND,
    )
    count = work.study.count_of(SHARES[share])
    read = found.windows.size
    st.caption(
        f"{count} windows, {count / read:.1%} of those read before the head formed, "
        "are masked out of the loss: once those that helped most, once as many drawn "
        "at random. Seed, batches and all else stay the same, bit for bit. The step at "
        "which the head forms is known to about 3%."
    )
    proof = work.study.proofs.get(count)
    if proof is None:
        _show_progress(work, count, "Train without them", live)
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        trainings = {
            ORIGINAL: proof.original,
            WITHOUT_TOP: proof.without_top,
            WITHOUT_RANDOM: proof.without_random,
        }
        lines = {name: (it.steps, it.scores) for name, it in trainings.items()}
        st.vega_lite_chart(growth_chart(lines, proof.level).spec)
        built_code.show_proof(work, proof)
    with right:
        st.markdown(_verdict(proof, f"L{place.layer}H{place.head}"))


def _verdict(proof: Proof, name: str) -> str:
    """Say when the head formed, each time, and whether another took its place."""
    top, others = proof.without_top, proof.without_random
    words = (
        f"**Without the {proof.removed} windows that helped most, {name} "
        f"{_when(proof, top)}.** Without as many at random, it {_when(proof, others)}."
    )
    if proof.is_another_heads(top):
        steps = top.any_formed(proof.level), proof.original.any_formed(proof.level)
        words += (
            f" But some head of the model had this habit just as strongly at step "
            f"{steps[0]}, and with these windows at step {steps[1]}: they decided "
            "*which* head learns it more than whether one does."
        )
    if not proof.tells_apart:
        words += (
            " The windows drawn at random did as much: here, the influence does not "
            "say which text the head needs."
        )
    return words


def _when(proof: Proof, growth: Growth) -> str:
    """Say at which step a head formed."""
    formed, later = growth.formed(proof.level), proof.later(growth)
    if formed is None or later is None:
        return f"had not formed by step {proof.last}"
    if abs(later) < 0.005:
        return f"formed at step {formed}, as before"
    than_before = "later" if later > 0 else "sooner"
    return f"formed at step {formed}, {abs(later):.0%} {than_before}"


def _count(work: Work) -> int:
    share = state.get("built_share", "2%")
    return work.study.count_of(SHARES.get(share, 0.02))
