"""The trainings of the class: which are at work, which wait, and who is next."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import streamlit as st

from minigpt.classroom.overview import owners
from minigpt.classroom.room import Room
from minigpt.errors import MinigptError
from minigpt.runs import Run, RunStore
from minigpt.worker import launch
from minigpt.worker.forecast import all_places
from pages.frame.guard import guard, show_problem
from pages.frame.runs import turn

EVERY_SECONDS = 3
_SAID = "_trainings_said"


class _Row(NamedTuple):
    """A training, and what the table says of it."""

    run: Run
    waits: bool
    cells: dict[str, Any]


@st.fragment(run_every=EVERY_SECONDS)
def show(room: Room) -> None:
    """Show all trainings now and every few seconds, and what can be done with one."""
    with guard():
        rows = _rows(room)
        if not rows:
            return
        waiting = sum(row.waits for row in rows)
        st.subheader(
            f"Runs · {len(rows) - waiting} at work, {waiting} waiting",
            anchor=False,
        )
        chosen = _choose(rows)
        if problem := st.session_state.pop(_SAID, None):
            show_problem(problem)
        if chosen is not None:
            st.button(
                "Withdraw this run" if chosen.waits else "Stop this run",
                icon=":material/stop:",
                key="training_stop",
                on_click=_stop,
                args=(chosen.run,),
                help="Takes it out of the queue."
                if chosen.waits
                else "Saves a checkpoint first, so nothing is lost.",
            )


def _rows(room: Room) -> list[_Row]:
    store = RunStore(room.space_of(None).data / "runs")
    launch.look(store)
    queue, places = all_places(store)
    names = owners(room)
    rows = []
    for run, status in queue.at_work:
        total = status.total_steps
        step = f"step {status.step:,}" + (f" of {total:,}" if total else "")
        rows.append(_row(run, names, f"{status.state}, {step}", waits=False))
    for each in (each for group in queue.waiting for each in group):
        said = turn.words_of(places[each.run.path.resolve()])
        rows.append(_row(each.run, names, said, waits=True))
    return rows


def _row(run: Run, names: dict[str, str], said: str, *, waits: bool) -> _Row:
    name = names.get(run.path.parent.parent.name, "You")
    return _Row(run, waits, {"Name": name, "Run": run.id, "State": said})


def _choose(rows: Sequence[_Row]) -> _Row | None:
    event = st.dataframe(
        [row.cells for row in rows],
        hide_index=True,
        # With other runs it is another table, so that no other run is selected.
        key=f"trainings_{hash(tuple(row.run.path for row in rows))}",
        height=min(38 + 35 * len(rows), 260),
        on_select="rerun",
        selection_mode="single-row",
        alt=f"Runs: {', '.join(row.run.id for row in rows)}",
    )
    chosen = event["selection"]["rows"]
    return rows[chosen[0]] if chosen and chosen[0] < len(rows) else None


def _stop(run: Run) -> None:
    try:
        run.request_stop()
    except MinigptError as error:
        st.session_state[_SAID] = str(error)
