"""A run that waits for its turn: how many are ahead, how long, and a way out."""

from collections.abc import Callable, Sequence

import streamlit as st

from minigpt.engines import submitting
from minigpt.runs import Run, RunStore
from minigpt.runs.ticket import has_ticket
from minigpt.worker import launch
from minigpt.worker.forecast import Place, place_of


def look(runs: Sequence[Run]) -> bool:
    """Start what has a place; return whether one of these runs still waits.

    Of a run that is trained elsewhere, what became of its job is noted.
    """
    submitting.look(runs)
    if any(has_ticket(run.path) for run in runs):
        launch.look(RunStore(runs[0].path.parent))
    return any(has_ticket(run.path) for run in runs)


def show(runs: Sequence[Run], do: Callable[..., None], *, key: str) -> None:
    """Say when runs will begin, and offer to withdraw them.

    Args:
        runs: One, or the two of a race.
        do: Calls a function, and shows what went wrong.
        key: Of the button.
    """
    waiting = [run for run in runs if has_ticket(run.path)]
    if not waiting:
        return
    st.caption(words_of(place_of(waiting[0], max_age=1.0)), width="content")
    st.space("stretch")
    st.button(
        "Withdraw",
        icon=":material/hourglass_disabled:",
        key=key,
        help="Takes it out of the queue. What it has learned stays, and Resume puts it "
        "back.",
        on_click=_withdraw,
        args=(do, waiting),
    )


def words_of(place: Place | None) -> str:
    """Say where a run stands in the queue.

    >>> words_of(Place(1, 170.0))
    'Waiting: 1 run ahead, about 3 minutes.'
    >>> words_of(Place(2, None)), words_of(Place(0, 0.0))
    ('Waiting: 2 runs ahead.', 'Waiting: about to begin.')
    """
    if place is None or place.ahead == 0:
        return "Waiting: about to begin."
    ahead = f"Waiting: {place.ahead} run{'s' * (place.ahead > 1)} ahead"
    return (
        f"{ahead}." if place.seconds is None else f"{ahead}, {_about(place.seconds)}."
    )


def _about(seconds: float) -> str:
    """Say how long, roughly: nobody knows it to the second.

    >>> [_about(seconds) for seconds in (20, 80, 700, 9_000)]
    ['less than a minute', 'about 1 minute', 'about 12 minutes', 'about 2.5 hours']
    """
    if seconds < 60:
        return "less than a minute"
    if seconds < 5400:
        minutes = round(seconds / 60)
        return f"about {minutes} minute{'s' * (minutes > 1)}"
    return f"about {seconds / 3600:.1f} hours"


def _withdraw(do: Callable[..., None], runs: Sequence[Run]) -> None:
    for run in runs:
        do(Run.request_stop, run)
