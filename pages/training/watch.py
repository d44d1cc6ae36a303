"""The Training page while a run is at work, and after: curves, samples, heads."""

from collections.abc import Callable, Sequence

import streamlit as st

from minigpt.errors import MinigptError, RunError
from minigpt.runs import Run, RunStatus
from minigpt.training.loss import language_model_loss
from minigpt.training.step import take_step
from minigpt.worker import launch
from pages.frame import lesson, notebook, state, words
from pages.frame.guard import guard, show_problem
from pages.frame.questions import check
from pages.training import experiment_watch, history, step_time
from pages.training.questions import about_a_text
from viz.components.head_grid.view import head_grid
from viz.training import loss_curve

BADGES = {
    "queued": ("blue", ":material/hourglass_empty:"),
    "running": ("blue", ":material/directions_run:"),
    "stopping": ("orange", ":material/stop_circle:"),
    "stopped": ("orange", ":material/pause:"),
    "finished": ("green", ":material/check:"),
    "failed": ("red", ":material/error:"),
    "interrupted": ("red", ":material/power_off:"),
}
LATEST = "latest"


def show(run: Run) -> None:
    """Show one run; while its process lives, look again every second or two."""
    alive = run.status().is_alive
    often = 1 if run.config.data.source == "repeats" else 2
    live = st.fragment(_show_now, run_every=often if alive else None)
    live(run, alive)


def _show_now(run: Run, alive: bool) -> None:
    with guard():
        status = run.status()
        if status.is_alive != alive or state.is_leaving():
            st.rerun()  # the whole page, which a fragment's own run is not
        show_header(run, status)
        learned = experiment_watch.curve_of(run)
        if learned is not None and not alive:
            # What was asked beforehand is answered first.
            experiment_watch.show(run, status, learned)
        show_numbers(status)
        if learned is not None and alive:
            experiment_watch.show(run, status, learned)
        curve, heads = st.columns([3, 2], gap="large")
        with curve:
            show_curve(run, status)
        with heads:
            show_heads(run)
        step_time.show(run, status)
        if learned is None:
            show_lesson(status)
        show_details(run)


def show_header(run: Run, status: RunStatus) -> None:
    """Show the state, and what can be done in it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        colour, icon = BADGES[status.state]
        st.badge(status.state, color=colour, icon=icon)
        if status.activity:
            st.caption(status.activity)
        st.space("stretch")
        if status.is_alive:
            stopping = status.state == "stopping" or run.stop_requested
            st.button(
                "Stop",
                icon=":material/stop:",
                key="stop",
                disabled=stopping,
                help="Saves a checkpoint first, so that nothing is lost.",
                on_click=_do,
                args=(Run.request_stop, run),
            )
        if status.can_resume:
            st.button(
                "Resume",
                icon=":material/play_arrow:",
                type="primary",
                key="resume",
                on_click=_do,
                args=(launch.resume, run),
            )
        if run.best is not None:
            show_ways_on(run, status)
    if status.error:
        show_problem(status.error)
    if problem := st.session_state.pop("_run_problem", None):
        show_problem(problem)


def show_ways_on(run: Run, status: RunStatus) -> None:
    """Show the buttons that open the trained model elsewhere."""
    kind = "primary" if status.state == "finished" else "secondary"
    st.button(
        "Open in the head explorer",
        icon=":material/grid_view:",
        type=kind,
        key="open_explorer",
        on_click=state.go_to,
        args=("pages/head_explorer/head_explorer.py",),
        kwargs={"model": run.id},
    )
    st.button(
        "Generate with it",
        icon=":material/edit_note:",
        type=kind,
        key="open_generation",
        on_click=state.go_to,
        args=("pages/generation/generation.py",),
        kwargs={"model": run.id},
    )


def show_numbers(status: RunStatus) -> None:
    """Show where the run stands, with units."""
    total = status.total_steps
    if total and status.is_alive:
        st.progress(min(1.0, status.step / total))
    with st.container(horizontal=True):
        st.metric("Step", f"{status.step:,}" + (f" / {total:,}" if total else ""))
        st.metric("Training loss", _nats(status.train_loss))
        st.metric("Validation loss", _nats(status.validation_loss))
        speed = status.tokens_per_second
        st.metric("Speed", "–" if speed is None else f"{words.count(speed)} tokens/s")
        left = status.eta_seconds if status.is_alive else None
        if left is not None:
            st.metric("Time left", words.duration(left))


def show_curve(run: Run, status: RunStatus) -> None:
    """Show the losses over the steps, beside what counting alone would reach."""
    st.subheader("Loss")
    records = history.metrics(run)
    if not records:
        st.skeleton(height=300)
        st.caption("The first steps are on their way.")
        return
    baselines = status.baselines
    if run.config.data.source == "repeats":
        # Counting is no use on random words: its lines would lie on one another.
        baselines = {"uniform": baselines["uniform"]} if baselines else {}
    st.altair_chart(loss_curve(records, baselines))
    notebook.code(
        "loss",
        """
losses = {r["step"]: r["loss"] for r in records if r.get("kind") == "step"}
""",
        variable="losses",
        drawn={r["step"]: r["loss"] for r in records if r.get("kind") == "step"},
        begin=history.opening(run),
    )


def show_heads(run: Run) -> None:
    """Show every head's attention on a fixed text, at any step photographed so far."""
    st.subheader("Heads forming")
    snapshots = run.snapshots()
    steps = snapshots.steps
    if not steps:
        st.caption("This model has no attention heads, or no picture was taken yet.")
        return
    moment = st.select_slider(
        "Step of the picture",
        [*steps, LATEST],
        value=LATEST,
        key=f"film_{run.id}",
    )
    snapshot = snapshots.load(steps[-1] if moment == LATEST else moment)
    head_grid(
        snapshot.patterns,
        key=f"film_heads_{run.id}",
        scores=snapshot.scores.previous_token,
        score_name="previous token",
    )
    st.caption(f"Step {snapshot.step:,}. Bar: mean weight on the previous token.")
    with st.container(horizontal=True):
        with st.popover("The text they read", icon=":material/notes:"):
            st.text("".join(snapshots.pieces))
        notebook.code(
            "heads forming",
            f"""
patterns = pictures({snapshot.step})["patterns"]  # 255 is a weight of 1
""",
            variable="patterns",
            drawn=snapshot.patterns,
            begin=history.opening_of_pictures(run),
        )


def show_lesson(status: RunStatus) -> None:
    """Say what a loss means; in the end, ask about this run's."""
    uniform = status.uniform_loss
    if uniform is None:
        return
    lesson.explain(
        "The **loss** says how surprised the model is by each next token, in nats: 0 "
        "if it was sure and right. Who knows nothing pays ln(vocabulary), here "
        f"**{uniform:.2f}**. The other dashed lines are what counting alone reaches: "
        "single tokens (*unigram*), pairs of them (*bigram*). Below the last, the "
        "model must be reading more than one token back. The validation loss is of "
        "text that it never learns from: where it rises while the training loss "
        "falls, the model learns by heart.",
        language_model_loss,
        take_step,
    )
    if status.state == "finished":
        check(about_a_text(status))


def show_details(run: Run) -> None:
    """Show what it wrote, its settings and its log."""
    samples, config, log = st.tabs(["What it writes", "Settings", "Log"])
    with samples:
        written = history.samples(run)
        if not written:
            st.caption("A sample comes with each evaluation.")
        for sample in reversed(written[-8:]):
            st.caption(f"Step {sample['step']:,}")
            st.code(sample["text"], language=None, wrap_lines=True)
    with config:
        st.json(run.config.to_dict(), expanded=1)
    with log:
        st.code(run.read_log() or "Nothing yet.", language=None, wrap_lines=True)


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
        "state": status.state,
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


def _do(action: Callable[[Run], None], run: Run) -> None:
    try:
        action(run)
    except MinigptError as error:
        st.session_state["_run_problem"] = str(error)


def _nats(loss: float | None) -> str:
    return "–" if loss is None else f"{loss:.3f} nats"
