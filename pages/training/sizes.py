"""The Training page's *How big?* before the start: four sizes on one text, in a row.

Next: `sizes_watch`, which shows how it goes, and asks for the fifth.
"""

import streamlit as st

from minigpt.config import DataConfig, RunConfig
from minigpt.preparation.estimate import Estimate, estimate_run
from minigpt.runs import RunStore
from minigpt.worker.series import FIFTH, WIDTHS, shared_config, sized, start_series
from pages.frame import words
from pages.frame.guard import guard
from pages.frame.remember import remember
from pages.training.text_choice import choose_text

ENOUGH_MEGABYTES = 1.0
"""Of tales: more than all sizes together read, and quick to make."""

CHOICE = "sizes_choice"
"""The key of the region with all of it."""


def choose(store: RunStore) -> None:
    """Show what will be trained, and offer the start."""
    whole = st.container(key=CHOICE)
    left, right = whole.columns([3, 2], gap="large")
    with left:
        st.markdown(
            "Does a larger model predict better, and by how much? **Four sizes** read "
            "the same text for the same number of steps, one after another. From their "
            "losses you then **predict the loss of a fifth, larger one**, and only "
            "then is it trained."
        )
        with st.expander("Text for all", icon=":material/notes:"), guard():
            data = choose_text()
    if data is not None and data.source == "tales":
        data = data.replace(tales_megabytes=ENOUGH_MEGABYTES)
    with right, guard():
        _show_start(store, data)


def _show_start(store: RunStore, data: DataConfig | None) -> None:
    config = shared_config(data or DataConfig())
    ready = data is not None
    found = (
        [estimate(sized(config, width)) for width in (*WIDTHS, FIFTH)] if ready else []
    )
    if st.button(
        "Train the four sizes",
        type="primary",
        icon=":material/stacked_line_chart:",
        width="stretch",
        disabled=not ready,
        help=None if ready else "Choose a text first.",
    ):
        _start(store, config)
    if found:
        _show_sizes(found)


def _start(store: RunStore, config: RunConfig) -> None:
    series = start_series(store, config)
    st.session_state["_started"] = series.runs[0].id
    st.rerun()


def _show_sizes(found: list[Estimate]) -> None:
    *four, fifth = found
    listed = ", ".join(words.count(each.num_parameters) for each in four)
    st.caption(
        f"{listed} weights, each for {four[0].steps} steps and "
        f"{words.count(four[0].seen_tokens)} tokens: roughly "
        f"{words.duration(sum(each.seconds for each in four))} in all. Then the fifth, "
        f"with {words.count(fifth.num_parameters)} weights: roughly "
        f"{words.duration(fifth.seconds)}."
    )


estimate = remember(32, spinner="Reading the text …", seconds=60)(estimate_run)
"""What a size will cost."""
