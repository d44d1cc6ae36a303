"""The figures of *How big?*: loss over weights, and loss over tokens read."""

import streamlit as st

from minigpt.runs.power_law import PowerLaw, fit_power_law
from minigpt.textbook.journal import records_of
from minigpt.worker.series import WIDTHS
from pages.frame import notebook, words
from pages.frame.runs import history
from pages.training.sizes_shown import Shown
from viz.learning import scaling


def show(shown: Shown) -> None:
    """Show both, as far as they have come."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Loss on held-out text over size**")
        _show_line(shown)
    with right:
        st.markdown("**Loss on the training text over tokens read**")
        tracks = [
            scaling.SizeTrack(
                words.count(status.num_parameters or 0),
                each.tokens,
                each.smooth(each.tokens),
            )
            for status, each in zip(shown.statuses, shown.lanes, strict=True)
            if len(each.tokens)
        ]
        if tracks:
            st.vega_lite_chart(scaling.tokens_chart(tracks).spec)
        else:
            st.skeleton(height=320)


def _show_line(shown: Shown) -> None:
    """Draw the finished sizes and the line; beyond them only after a guess."""
    points, law, fifth, guess = shown.points, shown.law, shown.fifth, shown.series.guess
    if not points:
        st.skeleton(height=320)
        return
    marks = [scaling.SizePoint(*each, scaling.TRAINED) for each in points]
    ends = [points[0][0], points[: len(WIDTHS)][-1][0]]
    room = None
    if law is not None and fifth is not None:
        room = (fifth, law.loss(fifth) * 0.95)
        if guess is not None:
            ends[1] = fifth
            marks.append(scaling.SizePoint(fifth, law.loss(fifth), scaling.LINE))
            marks.append(scaling.SizePoint(fifth, guess, scaling.GUESS))
    line = [] if law is None else [(each, law.loss(each)) for each in ends]
    st.vega_lite_chart(scaling.scaling_chart(marks, line, room).spec)
    if law is not None:
        _show_code(shown, law)


def _show_code(shown: Shown, law: PowerLaw) -> None:
    points = shown.points[: len(WIDTHS)]
    losses = ", ".join(
        f"{history.records_call(run, 'evaluation')}[-1]['loss']"
        for run in shown.series.runs[: len(points)]
    )
    notebook.show(
        "sizes",
        fit_power_law,
        f"list(fit_power_law({[weights for weights, _ in points]}, [{losses}]))",
        drawn=list(law),
        begin="",
        also=[records_of],
    )
