"""The Training page's experiment during and after: losses, scores, heads, a verdict.

Before: `experiment`, which asks for a guess and starts the run.
"""

from pathlib import Path

import streamlit as st

from minigpt.datasets.repeated_words import RepeatedWords
from minigpt.interpret.heads.repetition import read_repetition
from minigpt.runs import Run, RunStatus
from minigpt.runs.learning_to_copy import (
    COPYING_HABITS,
    CopyingCurve,
    Film,
    film_of_strongest,
    kept_guess,
    read_copying,
)
from minigpt.runs.snapshots import Snapshots
from minigpt.textbook.journal import records_of
from pages.frame import lesson, notebook
from pages.frame.look import present
from pages.frame.questions import check
from pages.frame.runs import history
from pages.training.questions import about_copying
from viz.repetition import LINES, copying_curve, pattern_picture

FILM = 4
"""Pictures of a head: before, twice during the change, and in the end."""


def curve_of(run: Run) -> CopyingCurve | None:
    """Return what the run noted about copying so far; None for any other run."""
    return read_copying(history.metrics(run))


def show(run: Run, status: RunStatus, curve: CopyingCurve) -> None:
    """Show losses, scores and heads, with the guess beside what came."""
    guess = kept_guess(run)
    over = not status.is_alive
    if over:
        _show_verdict(curve, guess)
    figure, film = st.columns([5, 4], gap="medium")
    with figure:
        st.vega_lite_chart(
            copying_curve(
                {"step": curve.steps, **{name: getattr(curve, name) for name in LINES}},
                last_step=status.total_steps or int(curve.steps[-1]),
                uniform_loss=status.uniform_loss or 0.0,
                guess=guess,
                halves=_halves(curve) if over else {},
                height=430 if present.is_on() else 350,
            ).spec
        )
        _show_code(run, curve)
    with film:
        before, copier = _show_films(run, curve)
    if over and curve.loss_step is not None:
        _explain(run, curve, before, copier)
        check([[each] for each in about_copying(curve, status)])


def _halves(curve: CopyingCurve) -> dict[str, int]:
    halves = {"second_loss": curve.loss_step, "induction": curve.score_step}
    return {name: step for name, step in halves.items() if step is not None}


def _show_verdict(curve: CopyingCurve, guess: int | None) -> None:
    """Say what was guessed and what came."""
    if curve.loss_step is None or curve.score_step is None:
        st.markdown(
            "**It did not learn to copy in these steps.** The loss on repeated words "
            f"ended at {curve.second_loss[-1]:.2f} nats."
        )
        return
    said = ""
    if guess is not None:
        off = guess - curve.loss_step
        how = "too early" if off < 0 else "too late"
        said = f"You guessed step **{guess}**: "
        said += f"{abs(off)} steps {how}. " if off else "exactly. "
    st.markdown(
        f"{said}The loss on repeated words had fallen halfway at step "
        f"**{curve.loss_step}**; the best induction score had risen halfway at "
        f"step **{curve.score_step}**."
    )


def _show_films(run: Run, curve: CopyingCurve) -> list[Film]:
    """Show the two heads that copying takes, around the change, and return them."""
    snapshots = run.snapshots()
    steps = [step for step in curve.film(FILM) if step in snapshots.steps]
    films = []
    for habit, what in zip(
        COPYING_HABITS, ("the previous word", "what came next last time"), strict=True
    ):
        film = film_of_strongest(snapshots, steps, habit)
        st.markdown(f"Reads {what} most: **{_name(film)}**")
        with st.container(key=f"film_of_{habit}"):
            _show_frames(film)
        films.append(film)
    notebook.show(
        "film",
        film_of_strongest,
        f"[film_of_strongest({history.snapshots_call(run)}, {steps}, habit).patterns "
        f"for habit in {COPYING_HABITS}]",
        drawn=[film.patterns for film in films],
        begin="",
        also=[Path, Snapshots],
    )
    return films


def _show_frames(film: Film) -> None:
    dark = st.context.theme.type == "dark"
    for cell, step, pattern, score in zip(
        st.columns(FILM, gap="small"),
        film.steps,
        film.patterns,
        film.scores,
        strict=False,
    ):
        cell.image(pattern_picture(pattern, dark=dark), width="stretch")
        cell.caption(f"step {step}  \n{score:.2f}")


def _show_code(run: Run, curve: CopyingCurve) -> None:
    records = history.records_call(run, "repetition")
    notebook.show(
        "copying",
        read_copying,
        f"[getattr(read_copying({records}), name) for name in {tuple(LINES)}]",
        drawn=[getattr(curve, name) for name in LINES],
        begin="",
        also=[records_of],
    )


def _name(film: Film) -> str:
    return f"L{film.layer}H{film.head}"


def _explain(run: Run, curve: CopyingCurve, before: Film, copier: Film) -> None:
    begin, end = curve.change
    risen = favoured = ""
    if curve.first_loss_shift > 0.2:
        peak = curve.first_loss[0] + curve.first_loss_shift
        risen = (
            " The loss on words seen for the *first* time even rose, up to "
            f"{peak:.2f} nats: a model that has just learned to copy also copies "
            "where there is nothing to copy."
        )
    if isinstance(run.config.transformer.relative_gain, tuple):
        favoured = (
            " The experiment gives one head an advantage from the start: a larger "
            "`relative_gain`."
        )
    lesson.explain(
        "**The stripe and the drop come in the same steps.** Until about step "
        f"{begin}, words cost {curve.second_loss[0]:.2f} nats, seen before "
        f"or not. Copying takes two heads: one ({_name(before)}) "
        "that reads the previous word, and one in a later layer "
        f"({_name(copier)}) that looks for the earlier place of the current word "
        "and reads what came next. Neither is of use alone, so they form "
        f"together: by step {end} copying works: {curve.second_loss[-1]:.2f} "
        f"nats in the end.{risen}{favoured}",
        RepeatedWords,
        read_repetition,
    )
