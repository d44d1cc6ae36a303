"""The class's question on a learner's screen: one answer, and then what was right."""

import streamlit as st

from minigpt.classroom import votes
from minigpt.classroom.room import Room
from minigpt.classroom.votes import Vote
from minigpt.errors import MinigptError
from pages.frame.guard import show_problem
from pages.frame.words import plain
from viz.classroom.votes import LETTERS

_SAID = "_ballot_said"


def show(room: Room, member: str, vote: Vote) -> None:
    """Show a question as far as it is."""
    own = votes.answers_of(room, vote, member)
    with st.container(border=True, key="class_ballot"):
        again = " Once more, now that you have talked." if vote.round > 1 else ""
        st.markdown(f"**Your class predicts.** {plain(vote.asked.text)}{again}")
        if vote.stage == "revealed":
            _show_answer(vote, own)
        elif vote.stage == "voting" and vote.round not in own:
            _show_choice(room, member, vote)
        else:
            _show_own(vote, own)
        if problem := st.session_state.pop(_SAID, None):
            show_problem(problem)


def _show_choice(room: Room, member: str, vote: Vote) -> None:
    # With the letters of the teacher's board, so that a class can talk about them.
    options = [
        f"**{LETTERS[number]}** {plain(option)}"
        for number, option in enumerate(vote.asked.options)
    ]
    st.radio(
        "Your answer",
        range(len(options)),
        index=None,
        format_func=options.__getitem__,
        key=f"_ballot_{vote.id}_{vote.round}",
        label_visibility="collapsed",
        on_change=_commit,
        args=(room, member, vote),
    )


def _show_own(vote: Vote, own: dict[int, int]) -> None:
    """Say what was answered, and what happens next."""
    said = own.get(vote.round)
    if said is None:
        st.caption("The answers are counted. You have not answered this time.")
        return
    st.markdown(f"You said **{plain(vote.asked.options[said])}**.")
    st.caption(
        "Wait for the others."
        if vote.stage == "voting"
        else "The answers are counted. Why did you choose yours? Tell your neighbour."
    )


def _show_answer(vote: Vote, own: dict[int, int]) -> None:
    options = [plain(option) for option in vote.asked.options]
    for number, choice in sorted(own.items()):
        verdict = "right" if choice == vote.asked.answer else "not right"
        when = "" if number == 1 else " the second time"
        st.markdown(f"You said **{options[choice]}**{when}: {verdict}.")
    st.markdown(f"The answer: **{options[vote.asked.answer]}**")
    st.markdown(plain(vote.asked.why))


def _commit(room: Room, member: str, vote: Vote) -> None:
    choice = st.session_state.get(f"_ballot_{vote.id}_{vote.round}")
    if choice is None:
        return
    try:
        votes.answer(room, vote.id, member, choice)
    except MinigptError as error:
        st.session_state[_SAID] = str(error)
