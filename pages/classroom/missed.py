"""What the class misses most in the lessons' Checks."""

import streamlit as st

from minigpt.classroom import tries
from minigpt.classroom.room import Room
from minigpt.classroom.tries import Missed
from pages.frame import course
from pages.frame.guard import guard
from pages.frame.words import plain
from viz.classroom.misses import miss_bars, miss_table

EVERY_SECONDS = 5
SHOWN = 6


@st.fragment(run_every=EVERY_SECONDS)
def show(room: Room) -> None:
    """Show the kinds of question that were missed most, and an item of each."""
    with guard():
        found = [each for each in tries.missed_most(room) if each.missed][:SHOWN]
        if not found:
            return
        st.subheader("Missed most", anchor=False)
        names = [_name(each) for each in found]
        table = miss_table(
            names, [each.tried for each in found], [each.missed for each in found]
        )
        st.vega_lite_chart(miss_bars(table).spec, key="missed_bars")
        with st.expander("What was asked"):
            for name, each in zip(names, found, strict=True):
                st.markdown(f"**{name}**: {plain(each.example)}")


def _name(missed: Missed) -> str:
    """Return what a kind of question is called: its lesson, and its own name."""
    page, _, kind = missed.kind.partition(".")
    titles = {each.name: each.title for each in course.PAGES}
    return f"{titles.get(page, page)}: {kind.replace('_', ' ')}"
