"""The time machine: the chosen model at an earlier step of its training.

Every page reads the shared step, so every page follows. Playing walks on by itself and
ends at the last step, or as soon as the reader touches anything.
"""

import streamlit as st

from minigpt.library.catalogue import ModelEntry
from pages.frame import state

SECONDS_PER_STEP = 1.2
"""Time to look at a page before the next step; longer where the page is slower."""


def show(entry: ModelEntry) -> None:
    """Show the slider over a model's steps, and the buttons that move it."""
    steps = steps_of(entry)
    if len(steps) < 2:
        st.session_state.pop("step", None)
        _stop()
        return
    _heed_the_clock()
    state.keep_possible("step", steps, "training step")
    chosen = st.select_slider(
        "Training step",
        steps,
        value=entry.default_step,
        key="step",
        help="The time machine: the same model, earlier in its training. Every page "
        "uses the step you choose. A run opens at its best step.",
        **state.BOUND,
    )
    with st.container(horizontal=True, gap="small", key="time_machine"):
        _buttons(steps, chosen, "sidebar")
        st.caption(f"{steps.index(chosen) + 1} of {len(steps)}")
    if is_playing():
        _tick(tuple(steps), chosen)


def show_small(entry: ModelEntry) -> None:
    """Show the buttons and the step where the slider is out of sight."""
    steps = steps_of(entry)
    if len(steps) < 2:
        return
    chosen = state.get("step", entry.default_step)
    st.text(f"step\n{chosen}")
    _buttons(steps, chosen, "present")


def steps_of(entry: ModelEntry) -> list[int]:
    """Return the steps at which a model was saved, in order."""
    return [step for step, _ in entry.steps]


def is_playing() -> bool:
    """Whether the steps go on by themselves."""
    return bool(st.session_state.get("_playing"))


def _buttons(steps: list[int], chosen: int, where: str) -> None:
    place, last = steps.index(chosen), len(steps) - 1
    playing = is_playing()
    kinds = (
        ("back", ":material/skip_previous:", "The step before", place == 0),
        (
            "play",
            ":material/pause:" if playing else ":material/play_arrow:",
            "Stop here" if playing else "Play through the steps",
            False,
        ),
        ("on", ":material/skip_next:", "The step after", place == last),
    )
    actions = {
        "back": (_go_to, (steps[max(0, place - 1)],)),
        "play": (_stop, ()) if playing else (_play, (steps, place)),
        "on": (_go_to, (steps[min(last, place + 1)],)),
    }
    for name, icon, words, disabled in kinds:
        action, arguments = actions[name]
        st.button(
            words,
            icon=icon,
            type="tertiary",
            key=f"step_{name}_{where}",
            help=words,
            on_click=action,
            args=arguments,
            disabled=disabled,
        )


def _go_to(step: int) -> None:
    st.session_state["step"] = step
    state.forget_unknown("step")


def _play(steps: list[int], place: int) -> None:
    """Start playing: on from here, or from the first step if this is the last."""
    st.session_state["_playing"] = st.session_state["_by_the_clock"] = True
    st.session_state.pop("_ticking", None)
    if place == len(steps) - 1:
        _go_to(steps[0])


def _stop() -> None:
    st.session_state["_playing"] = False


def _heed_the_clock() -> None:
    """Take the step that the clock asks for; any other run is the reader's: stop."""
    by_the_clock = st.session_state.pop("_by_the_clock", False)
    if not is_playing():
        return
    wanted = st.session_state.pop("_next_step", None)
    if not by_the_clock:
        _stop()
    elif wanted is not None:
        _go_to(wanted)


@st.fragment(run_every=SECONDS_PER_STEP)
def _tick(steps: tuple[int, ...], chosen: int) -> None:
    """Ask for the next step each time the clock runs this."""
    begun = st.session_state.get("_ticking") == chosen
    st.session_state["_ticking"] = chosen
    if not begun:
        return  # the run that drew this step; the clock comes later
    place = steps.index(chosen) + 1
    if place == len(steps):
        _stop()
    else:
        st.session_state["_next_step"] = steps[place]
    st.session_state["_by_the_clock"] = True
    st.rerun()
