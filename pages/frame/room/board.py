"""The teacher's board: how many have answered, what they answered, and the answer."""

import streamlit as st

from minigpt.classroom import votes
from minigpt.classroom.room import Room
from minigpt.classroom.votes import Stage, Vote
from minigpt.errors import MinigptError
from pages.frame.guard import guard, show_problem
from pages.frame.words import plain
from viz.classroom.votes import LETTERS, vote_bars, vote_table

EVERY_SECONDS = 2
_MOVED, _SAID = "_vote_moved", "_vote_said"


def show(room: Room) -> None:
    """Show the board while a question is on the screens."""
    if votes.current(room) is not None:
        with st.container(key="class_board"):
            _show_now(room)


@st.fragment(run_every=EVERY_SECONDS)
def _show_now(room: Room) -> None:
    if st.session_state.pop(_MOVED, False):
        st.rerun()  # the page beneath knows the answer now, or asks no longer
    vote = votes.current(room)
    if vote is None:
        return
    with guard(), st.container(border=True, key="class_vote_board"):
        st.markdown(f"**The class predicts.** {plain(vote.asked.text)}")
        counts = votes.tally(room, vote)
        if vote.stage == "voting":
            _show_turnout(room, sum(counts[-1]), vote)
        else:
            right = vote.asked.answer if vote.stage == "revealed" else None
            table = vote_table(vote.asked.options, counts, right)
            st.vega_lite_chart(vote_bars(table).spec)
        if vote.stage == "revealed":
            right_one = plain(vote.asked.options[vote.asked.answer])
            st.markdown(f"The answer: **{right_one}**")
            st.markdown(plain(vote.asked.why))
        _show_ways_on(room, vote)
        if problem := st.session_state.pop(_SAID, None):
            show_problem(problem)


def _show_turnout(room: Room, answered: int, vote: Vote) -> None:
    """Show how many have answered, and what can be answered."""
    here = max(answered, sum(member.is_here for member in room.members()))
    word = "" if vote.round == 1 else ", the second time"
    st.progress(
        answered / here if here else 0.0,
        f"**{answered} of {here}** have answered{word}",
    )
    named = (
        f"**{LETTERS[number]}** {plain(option)}"
        for number, option in enumerate(vote.asked.options)
    )
    st.caption("\u2003".join(named))


def _show_ways_on(room: Room, vote: Vote) -> None:
    """Show what the teacher can do next: the likeliest first."""
    steps: list[tuple[str, Stage, str]] = []
    if vote.stage == "voting":
        steps.append(("Count the answers", "counted", ":material/bar_chart:"))
    elif vote.round == 1:
        steps.append(("Vote again", "voting", ":material/how_to_vote:"))
    if vote.stage == "counted":
        steps.append(("Reveal", "revealed", ":material/visibility:"))
    # After the answer, a second round is for few; before it, closing is.
    at = 0 if vote.stage == "revealed" else len(steps)
    steps.insert(at, ("Close", "closed", ":material/close:"))
    with st.container(horizontal=True):
        for place, (label, stage, icon) in enumerate(steps):
            st.button(
                label,
                key=f"_vote_to_{stage}",
                icon=icon,
                type="secondary" if place else "primary",
                on_click=_move,
                args=(room, vote, stage),
            )


def _move(room: Room, vote: Vote, stage: Stage) -> None:
    try:
        votes.move(room, vote, stage)
    except MinigptError as error:
        st.session_state[_SAID] = str(error)
    st.session_state[_MOVED] = True
