"""Who is in the class, which lesson they have open, and what they train."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from minigpt.classroom import ending, gifts
from minigpt.classroom.overview import Work, run_of, works
from minigpt.classroom.room import Room
from minigpt.errors import MinigptError
from pages.frame import course
from pages.frame.guard import guard, show_note, show_problem
from pages.frame.room import part
from pages.frame.words import plain

EVERY_SECONDS = 3
_CHOSEN, _SAID = "_class_chosen", "_class_said"
_COLUMNS = {
    "name": "Name",
    "lesson": "Lesson",
    "run": "Last run",
    "state": "State",
    "loss": st.column_config.NumberColumn("Loss (nats)", format="%.3f"),
    "bytes": st.column_config.NumberColumn("Keeps", format="bytes"),
}


@st.fragment(run_every=EVERY_SECONDS)
def show(room: Room) -> None:
    """Show the class, now and every few seconds, and what can be done for a learner."""
    with guard():
        found = works(room)
        here = sum(work.member.is_here for work in found)
        st.subheader(f"Learners · {here} of {len(found)} here", anchor=False)
        if not found:
            show_note("Nobody has joined yet. Show the link.")
            return
        chosen = _choose(found)
        if problem := st.session_state.pop(_SAID, None):
            show_problem(problem)
        if chosen is not None:
            _show_actions(room, chosen)


def _choose(found: Sequence[Work]) -> Work | None:
    """Show the table, and return the learner who is selected."""
    event = st.dataframe(
        [_row(work) for work in found],
        hide_index=True,
        # Another class is another table.
        key=f"class_{hash(tuple(work.member.id for work in found))}",
        column_config=_COLUMNS,
        height=min(38 + 35 * len(found), 460),
        placeholder="–",
        on_select="rerun",
        selection_mode="single-row",
        alt=f"Learners: {', '.join(work.member.name for work in found)}",
    )
    rows = event["selection"]["rows"]
    return found[rows[0]] if rows and rows[0] < len(found) else None


def _row(work: Work) -> dict[str, Any]:
    member = work.member
    titles = {page.name: page.title for page in course.PAGES}
    titles |= {"": course.HOME.title, part.NAME: "Study"}
    return {
        "name": member.name,
        "lesson": titles.get(member.page, member.page) if member.is_here else "away",
        "run": None if work.run is None else work.run.id,
        "state": None if work.status is None else work.status.state,
        "loss": work.loss,
        "bytes": work.num_bytes,
    }


def _show_actions(room: Room, work: Work) -> None:
    """Show what the teacher can do for a learner."""
    member, run = work.member, work.run
    is_training = work.status is not None and work.status.is_alive
    can_share = run is not None and run.best is not None
    with st.container(
        horizontal=True, vertical_alignment="center", key="class_actions"
    ):
        st.markdown(f"**{plain(member.name)}**", width="content")
        st.button(
            "Stop the run",
            icon=":material/stop:",
            key="class_stop",
            disabled=not is_training,
            on_click=_do,
            args=(_stop, room, work),
            help="Saves a checkpoint first, so nothing is lost.",
        )
        st.button(
            "Share the model",
            icon=":material/share:",
            key="class_share",
            disabled=not can_share,
            on_click=_do,
            args=(_share, room, work),
            help="A copy that the whole class can open."
            if can_share
            else "No run of theirs has saved a model yet.",
        )
        with st.popover("Remove", icon=":material/person_remove:", type="tertiary"):
            st.caption("Deletes all that this learner made. It cannot be undone.")
            st.button(
                "Remove and delete",
                key="class_remove",
                on_click=_do,
                args=(ending.remove, room, member.id),
            )


def _stop(room: Room, work: Work) -> None:
    if work.run is not None:
        run_of(room, work.member.id, work.run.id).request_stop()


def _share(room: Room, work: Work) -> None:
    if work.run is not None:
        gifts.share(room, work.member.id, work.run.id, by=work.member.name)


def _do(action: Callable[..., object], *arguments: object) -> None:
    try:
        action(*arguments)
    except MinigptError as error:
        st.session_state[_SAID] = str(error)
