"""How a run is doing: its state, numbers, loss, samples, settings and log."""

from collections.abc import Callable

import streamlit as st

from minigpt.errors import MinigptError
from minigpt.preparation.resuming import resumable
from minigpt.runs import Run, RunStatus
from minigpt.runs.checkpoints import checkpoint_step
from minigpt.textbook.journal import records_of
from minigpt.training.busy import busy_sentence
from minigpt.worker import launch
from pages.frame import notebook, state, words
from pages.frame.guard import show_note, show_problem
from pages.frame.runs import history, turn
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


def show_header(run: Run, status: RunStatus) -> None:
    """Show the state, and what can be done in it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        colour, icon = BADGES[status.state]
        st.badge(status.state, color=colour, icon=icon)
        if status.activity:
            st.caption(status.activity)
        waits = turn.look([run])
        if waits:
            turn.show([run], _do, key="withdraw")
        else:
            st.space("stretch")
        if status.is_alive and not waits:
            stopping = status.state == "stopping" or run.stop_requested
            st.button(
                "Stop",
                icon=":material/stop:",
                key="stop",
                disabled=stopping,
                help="Saves a checkpoint first, so nothing is lost.",
                on_click=_do,
                args=(Run.request_stop, run),
            )
        if status.can_resume:
            _offer_resume(run)
        if run.best is not None:
            show_ways_on(run, status)
    if status.error:
        show_problem(status.error)
    if status.note:
        show_note(status.note)
    if problem := st.session_state.pop("_run_problem", None):
        show_problem(problem)


def _offer_resume(run: Run) -> None:
    """Show the button that resumes a run, and the steps that it can go on from."""
    steps = [saved.step for saved in reversed(resumable(run))]
    step = None
    if len(steps) > 1:
        key = f"resume_step_{run.id}"
        if st.session_state.get(key) not in steps:
            st.session_state.pop(key, None)
        chosen = st.selectbox(
            "Resume from step",
            steps,
            key=key,
            width=180,
            help="The newest is chosen. If you choose an earlier one, the steps after "
            "it are taken again, and their checkpoints are deleted.",
            **state.BOUND,
        )
        step = None if chosen == steps[0] else chosen
    st.button(
        "Resume",
        icon=":material/play_arrow:",
        type="primary",
        key="resume",
        on_click=_do,
        args=(launch.resume, run, step),
    )


def show_ways_on(run: Run, status: RunStatus) -> None:
    """Show the buttons that open the trained model elsewhere."""
    kind = "primary" if status.state == "finished" else "secondary"
    step = None if run.best is None else checkpoint_step(run.best)
    opens = None if step is None else f"After step {step:,}, its best so far."
    st.button(
        "Open in the Head explorer",
        icon=":material/grid_view:",
        type=kind,
        key="open_explorer",
        on_click=state.go_to,
        args=("pages/head_explorer/head_explorer.py",),
        kwargs={"model": run.id},
        help=opens,
    )
    st.button(
        "Generate with it",
        icon=":material/edit_note:",
        type=kind,
        key="open_generation",
        on_click=state.go_to,
        args=("pages/generation/generation.py",),
        kwargs={"model": run.id},
        help=opens,
    )


def show_numbers(status: RunStatus, unit: str = "nats") -> None:
    """Show where the run stands.

    Args:
        status: Of this moment.
        unit: The loss's.
    """
    total = status.total_steps
    if total and status.is_alive:
        st.progress(min(1.0, status.step / total))
    with st.container(horizontal=True):
        st.metric("Step", f"{status.step:,}" + (f" / {total:,}" if total else ""))
        st.metric("Training loss", _loss(status.train_loss, unit))
        st.metric("Validation loss", _loss(status.validation_loss, unit))
        speed = status.tokens_per_second
        st.metric("Speed", "–" if speed is None else f"{words.count(speed)} tokens/s")
        left = status.eta_seconds if status.is_alive else None
        if left is not None:
            st.metric("Time left", words.duration(left))
    if status.is_alive and (busy := busy_sentence(status.slower)):
        st.caption(busy)


def show_curve(run: Run, status: RunStatus) -> None:
    """Show the losses over the steps, beside what counting alone would reach."""
    st.subheader("Loss")
    records = history.metrics(run)
    if not records:
        st.skeleton(height=300)
        st.caption("Waiting for the first steps …")
        return
    baselines = status.baselines
    if run.config.data.source == "repeats":
        # Counting is no use on random words: its lines would lie on one another.
        baselines = {"uniform": baselines["uniform"]} if baselines else {}
    st.vega_lite_chart(loss_curve(records, baselines).spec)
    notebook.show(
        "loss",
        records_of,
        f"{{r['step']: r['loss'] for r in {history.records_call(run, 'step')}}}",
        drawn={r["step"]: r["loss"] for r in records if r.get("kind") == "step"},
        begin="",
    )


def show_details(run: Run) -> None:
    """Show what it wrote, its settings and its log."""
    samples, config, log = st.tabs(["What it writes", "Settings", "Log"])
    with samples:
        written = history.samples(run)
        if not written:
            st.caption("Each evaluation adds a sample.")
        for sample in reversed(written[-8:]):
            st.caption(f"Step {sample['step']:,}")
            st.code(sample["text"], language=None, wrap_lines=True)
    with config:
        st.json(run.config.to_dict(), expanded=1)
    with log:
        st.code(run.read_log() or "Nothing yet.", language=None, wrap_lines=True)


def _do(action: Callable[..., None], *arguments: object) -> None:
    try:
        action(*arguments)
    except MinigptError as error:
        st.session_state["_run_problem"] = str(error)


def _loss(loss: float | None, unit: str) -> str:
    return "–" if loss is None else f"{loss:.3f} {unit}"
