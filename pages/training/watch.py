"""The Training page while a run is at work, and after: curves, samples, heads."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import streamlit as st

from minigpt.errors import RunError
from minigpt.runs import Run, RunStatus
from minigpt.runs.snapshots import Snapshots
from minigpt.runs.ticket import has_ticket
from minigpt.training.loss import language_model_loss
from minigpt.training.step import plain_step
from pages.frame import lesson, notebook, state
from pages.frame.guard import guard
from pages.frame.questions import check
from pages.frame.runs import history, progress
from pages.training import experiment_watch, step_time
from pages.training.questions import about_a_text
from viz.components.head_grid.view import ScoreBars, head_grid

LATEST = "latest"
HEADER, NUMBERS, DETAILS = "run_header", "run_numbers", "run_details"
CURVE, HEADS = "run_curve", "run_heads"
"""Keys of the page's regions, which its tour lights."""


def show(run: Run) -> None:
    """Show one run; while its process lives, refresh every second or two."""
    alive = run.status().is_alive
    often = 1 if run.config.data.source == "repeats" else 2
    live = st.fragment(_show_now, run_every=often if alive else None)
    live(run, alive)


def _show_now(run: Run, alive: bool) -> None:
    with guard():
        status = run.status()
        if status.is_alive != alive or state.is_leaving():
            st.rerun()  # the whole page, which a fragment's own run is not
        with st.container(key=HEADER):
            progress.show_header(run, status)
        learned = experiment_watch.curve_of(run)
        if learned is not None and not alive:
            # What was asked beforehand is answered first.
            experiment_watch.show(run, status, learned)
        with st.container(key=NUMBERS):
            progress.show_numbers(status)
        if learned is not None and alive:
            experiment_watch.show(run, status, learned)
        curve, heads = st.columns([3, 2], gap="large")
        with curve, st.container(key=CURVE):
            progress.show_curve(run, status)
        with heads, st.container(key=HEADS):
            show_heads(run)
        step_time.show(run, status)
        if learned is None:
            show_lesson(status)
        with st.container(key=DETAILS):
            progress.show_details(run)


def film_key(run: Run) -> str:
    """Return the name of the slider that chooses a snapshot of a run."""
    return f"film_{run.id}"


def show_heads(run: Run) -> None:
    """Show every head's attention on a fixed text, at any snapshot so far."""
    st.subheader("Heads forming")
    snapshots = run.snapshots()
    steps = snapshots.steps
    if not steps:
        st.caption("This model has no attention heads, or no snapshot was taken yet.")
        return
    moment = st.select_slider(
        "Step of the snapshot",
        [*steps, LATEST],
        value=LATEST,
        key=film_key(run),
        **state.BOUND,
    )
    snapshot = snapshots.load(steps[-1] if moment == LATEST else moment)
    saved = [each.step for each in run.to_look_at()] if run.best else []
    nearest = min(saved, key=lambda step: abs(step - snapshot.step), default=None)
    head_grid(
        snapshot.patterns,
        key=f"film_heads_{run.id}",
        bars=ScoreBars(snapshot.scores.previous_token, "previous token"),
        on_select=None if nearest is None else partial(_open_head, run.id, nearest),
    )
    st.caption(
        f"Step {snapshot.step:,}. Bar: mean attention weight on the previous token."
    )
    if nearest is not None:
        st.caption(f"Click a head to open it as it was after step {nearest:,}.")
    with st.container(horizontal=True):
        with st.popover("The text they read", icon=":material/notes:"):
            st.text("".join(snapshots.pieces))
        notebook.show(
            "heads forming",
            snapshots.load,
            f"{history.snapshots_call(run)}.load({snapshot.step}).patterns",
            drawn=snapshot.patterns,
            begin="",
            also=[Path, Snapshots],
        )


def _open_head(run_id: str, step: int, place: tuple[int, int] | None) -> None:
    """Open a head of the film on the reader's own text."""
    if place is not None:
        layer, head = place
        to = {"model": run_id, "step": step, "layer": layer, "head": head}
        state.go_to("pages/head_explorer/head_explorer.py", **to)


def show_lesson(status: RunStatus) -> None:
    """Say what a loss means; once the run has ended, ask about it."""
    uniform = status.uniform_loss
    if uniform is None:
        return
    lesson.explain(
        "The **loss** says how surprised the model is by each next token, in "
        "nats: 0 if it was certain and right. A model that guesses uniformly has "
        f"a loss of ln(vocabulary size), here **{uniform:.2f}**. The other dashed "
        "lines show what counting alone achieves: counting single tokens "
        "(*unigram*) or pairs (*bigram*). A model below the bigram line must use "
        "more than one earlier token. The validation loss is measured on text "
        "that is not used for training: where it rises while the training loss "
        "falls, the model is memorizing.",
        language_model_loss,
        plain_step,
    )
    if status.state == "finished":
        check([[each] for each in about_a_text(status)])


def show_list(runs: Sequence[Run]) -> None:
    """Show every run and its state; a click on a row opens it."""
    if not runs:
        return
    st.subheader("Your runs")
    st.dataframe(
        [_row(run) for run in runs],
        hide_index=True,
        key="run_table",
        on_select=lambda: _open_row(runs),
        selection_mode="single-row",
    )
    st.caption("Click the box before a row to open that run.")


def _row(run: Run) -> dict[str, object]:
    try:
        status, config = run.status(), run.config
    except RunError as error:
        return {"run": run.id, "state": str(error)}
    return {
        "run": run.id,
        "state": "waiting" if has_ticket(run.path) else status.state,
        "step": status.step,
        "of": status.total_steps,
        "best validation loss (nats)": status.best_loss,
        "parameters": status.num_parameters,
        "text": config.data.source.rpartition("/")[2],
    }


def _open_row(runs: Sequence[Run]) -> None:
    rows = st.session_state["run_table"]["selection"]["rows"]
    if rows:
        st.session_state["run"] = runs[rows[0]].id
