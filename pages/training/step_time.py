"""One training step on the Training page: where its time goes, and how fast it is."""

import streamlit as st

from minigpt.runs import Run, RunStatus
from minigpt.runs.step_time import StepTime, mean_milliseconds, step_time
from minigpt.textbook.journal import records_of
from pages.frame import notebook, words
from pages.frame.runs import history
from viz.step_time import step_bar


def show(run: Run, status: RunStatus) -> None:
    """Show the last steps' average, once there is one."""
    found = step_time(history.metrics(run), status)
    if found is None:
        return
    st.subheader("Where a step's time goes", anchor=False)
    bar, said = st.columns([1, 1], gap="medium")
    with bar:
        st.vega_lite_chart(step_bar(found.milliseconds).spec)
        notebook.show(
            "step",
            mean_milliseconds,
            f"mean_milliseconds({history.records_call(run, 'step')})",
            drawn=found.milliseconds,
            begin="",
            also=[records_of],
        )
    with said:
        _show_speed(found, status)


def _show_speed(found: StepTime, status: RunStatus) -> None:
    with st.container(horizontal=True):
        st.metric("Learned from", f"{words.count(found.tokens_per_second)} tokens/s")
        if found.flops_per_second is not None:
            st.metric("Achieved", _flops(found.flops_per_second))
        if found.share_of_peak is not None:
            st.metric("Share of peak", f"{found.share_of_peak:.0%}")
    if found.share_of_peak is None or found.peak_flops_per_second is None:
        return
    threads = status.num_threads or 1
    on = f"{threads} thread{'s' if threads > 1 else ''}"
    note = ""
    if found.share_of_peak > 1:
        note = (
            " A share above the peak means that the machine was busy while the "
            "peak was measured."
        )
    st.caption(
        f"Training on one token takes {words.count(status.flops_per_token or 0)} "
        "operations: 6 for each weight in a matrix, plus those of attention. The "
        f"peak is the speed of multiplying two large matrices on {on} when the "
        f"run began: {_flops(found.peak_flops_per_second)}. Lookups, norms and "
        f"the optimizer take time, but their operations are not counted.{note}"
    )


def _flops(per_second: float) -> str:
    """Say operations per second.

    >>> _flops(43_210_000_000)
    '43 GFLOP/s'
    """
    return f"{words.count(per_second)}FLOP/s"
