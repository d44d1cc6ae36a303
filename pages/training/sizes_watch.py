"""The Training page while several sizes are trained in a row, and after.

Before: `sizes`. Four losses lie on a line of logarithms; the learner predicts the
fifth, which is trained only then.
"""

from collections.abc import Callable

import streamlit as st

from minigpt.errors import MinigptError
from minigpt.runs import Run, RunStore
from minigpt.runs.power_law import fit_power_law
from minigpt.runs.series_progress import series_progress
from minigpt.worker import series as sizes_in_a_row
from minigpt.worker.series import WIDTHS, Series
from pages.frame import lesson, state, words
from pages.frame.guard import guard, show_problem
from pages.frame.questions import check
from pages.frame.runs import progress, turn
from pages.training import sizes, sizes_figures, together
from pages.training.sizes_questions import about_sizes
from pages.training.sizes_shown import Shown, is_trained_now, read


def show(series: Series, store: RunStore) -> None:
    """Show a series; while one of its sizes is at work, keep refreshing."""
    shown = read(series)
    is_live = shown.is_at_work or shown.waits is not None
    often = together.EVERY_SECONDS if is_live else None
    live = st.fragment(_show_now, run_every=often)
    live(series, store, is_live)


def _show_now(series: Series, store: RunStore, was_live: bool) -> None:
    with guard():
        turn.look(series.runs)
        shown = read(series)
        is_live = shown.is_at_work or shown.waits is not None
        if is_live != was_live or state.is_leaving():
            st.rerun()  # the whole page, which a fragment's own run is not
        _show_header(shown)
        _show_progress(shown)
        if shown.is_over:
            _show_prediction(shown, store)
        sizes_figures.show(shown)
        if shown.is_over and shown.series.guess is not None:
            _explain(shown)


def _show_header(shown: Shown) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        for run, status in zip(shown.series.runs, shown.statuses, strict=True):
            colour, icon = progress.BADGES[status.state]
            weights = status.num_parameters
            name = f"d_model {run.config.transformer.d_model}"
            label = name if weights is None else f"{words.count(weights)} weights"
            st.badge(f"{label}: {status.state}", color=colour, icon=icon)
        if shown.waits is not None:
            turn.show([shown.waits], _do, key="withdraw_sizes")
        else:
            st.space("stretch")
        if shown.is_at_work:
            current = _current(shown)
            st.button(
                "Stop",
                icon=":material/stop:",
                key="stop_sizes",
                help="The size at work saves a checkpoint first; nothing is lost.",
                disabled=current.stop_requested,
                on_click=_do,
                args=(current.request_stop,),
            )
        elif not shown.is_over and shown.waits is None:
            st.button(
                "Resume",
                icon=":material/play_arrow:",
                type="primary",
                key="resume_sizes",
                on_click=_do,
                args=(sizes_in_a_row.resume_series, shown.series),
            )
    for status in shown.statuses:
        if status.error:
            show_problem(status.error)
    if problem := st.session_state.pop("_sizes_problem", None):
        show_problem(problem)


def _current(shown: Shown) -> Run:
    return next(
        run
        for run, status in zip(shown.series.runs, shown.statuses, strict=True)
        if is_trained_now(status)
    )


def _show_progress(shown: Shown) -> None:
    """Show how much of all sizes' work is done, and when it will be over."""
    if shown.is_over:
        return
    configs = [run.config for run in shown.series.runs]
    found = series_progress(
        [sizes.estimate(config).seconds for config in configs],
        [
            status.step / (config.train.max_steps or 1)
            for status, config in zip(shown.statuses, configs, strict=True)
        ],
        sum(float(each.seconds[-1]) for each in shown.lanes if len(each.seconds)),
    )
    left = found.seconds_left
    st.progress(
        found.share,
        "Reading the text, building the model …"
        if left is None
        else f"{found.share:.0%} of the work done, about {words.duration(left)} left",
    )


def _show_prediction(shown: Shown, store: RunStore) -> None:
    """Ask for the fifth size's loss; once it is trained, say which guess was closer."""
    guess, law, fifth = shown.series.guess, shown.law, shown.fifth
    if law is None or fifth is None:
        return
    if guess is None:
        _ask(shown, store, fifth)
        return
    came = shown.points[-1][1]
    line = law.loss(fifth)
    closer = "You were" if abs(guess - came) < abs(line - came) else "The line was"
    st.markdown(
        f"With {words.count(fifth)} weights the loss came to **{came:.3f}** nats. You "
        f"predicted **{guess:.3f}**, the line **{line:.3f}**. {closer} closer."
    )


def _ask(shown: Shown, store: RunStore, fifth: int) -> None:
    with st.container(border=True, key="predict_sizes"):
        weights, loss = shown.points[-1]
        st.markdown(
            f"**Predict.** The largest of the four has {words.count(weights)} weights "
            f"and a loss of {loss:.3f} nats. The fifth has {words.count(fifth)}, and "
            "nothing else changes. What loss will it reach?"
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            guess = st.number_input(
                "Your prediction, in nats",
                0.01,
                20.0,
                None,
                step=0.01,
                format="%.3f",
                key="guess_sizes",
                width=220,
            )
            st.button(
                "Commit, and train the fifth",
                type="primary",
                icon=":material/play_arrow:",
                key="train_fifth",
                disabled=guess is None,
                help="Type your prediction first." if guess is None else None,
                on_click=_do,
                args=(sizes_in_a_row.start_fifth, store, shown.series, guess),
            )


def _explain(shown: Shown) -> None:
    law = shown.law
    if law is None:
        return
    lesson.explain(
        "**On logarithmic axes the losses lie on a straight line.** Here every "
        f"doubling of the weights multiplies the loss by {law.doubling:.3f}: the "
        f"line's slope is {law.slope:.3f}, and 2 to this power is that factor. So a "
        "few small, cheap "
        "models tell what a large, expensive one will reach, before anyone trains "
        "it. The line cannot go on for ever: text is never fully predictable, and a "
        "larger model needs more text and more steps to be worth its size.",
        fit_power_law,
    )
    check(about_sizes(shown.points[: len(WIDTHS)], law))


def _do(action: Callable[..., object], *args: object) -> None:
    try:
        action(*args)
    except MinigptError as error:
        st.session_state["_sizes_problem"] = str(error)
