"""How far a study is, and what it says: the effect in one click, all answers as CSV."""

from collections.abc import Sequence

import streamlit as st

from minigpt.classroom.room import Room
from minigpt.classroom.study import responses, studies
from minigpt.classroom.study.design import ARMS, LENGTH, TESTS, Test
from minigpt.classroom.study.effect import effect_of, in_words
from minigpt.classroom.study.responses import Scores
from minigpt.classroom.study.studies import Study
from minigpt.errors import DataError, MinigptError
from pages.frame.guard import guard, show_note, show_problem
from viz.classroom.arms import arm_lines, arm_table

EVERY_SECONDS = 5
_EFFECT, _SAID = "_study_effect", "_study_results_said"
_GAINS: dict[str, tuple[Test, Test]] = {
    "from before to after the lesson": ("before", "after"),
    "from before the lesson to the last test": ("before", "later"),
}


def show(room: Room, study: Study) -> None:
    """Show who is how far, the effect when asked, and what else can be done."""
    _show_turnout(room, study)
    with st.container(horizontal=True):
        st.button(
            "Show the effect",
            type="primary",
            icon=":material/compare_arrows:",
            key="_study_show_effect",
            on_click=_want_effect,
            args=(study,),
        )
        st.download_button(
            "Answers",
            lambda: responses.to_csv(room, study).encode("utf-8-sig"),
            "study.csv",
            "text/csv",
            key="study_csv",
            icon=":material/download:",
            on_click="ignore",
            help="As CSV, under codes. No name is in it.",
        )
        with st.popover("Delete", type="tertiary"):
            st.caption("Deletes the study with all answers. It cannot be undone.")
            st.button(
                "Delete the study",
                key="_study_delete",
                on_click=_delete,
                args=(room, study),
            )
    if problem := st.session_state.pop(_SAID, None):
        show_problem(problem)
    if st.session_state.get(_EFFECT) == study.id:
        with guard():
            _show_effect(responses.scores(room, study))
    with st.expander("The items", on_change="rerun", key="_study_items") as box:
        if box.open:
            _show_items(room, study)


@st.fragment(run_every=EVERY_SECONDS)
def _show_turnout(room: Room, study: Study) -> None:
    with guard():
        found = responses.scores(room, study)
        st.dataframe(
            [_turnout(arm, found) for arm in ARMS],
            hide_index=True,
            key="study_turnout",
            alt="How many of each arm have taken each test",
        )


def _turnout(arm: str, found: Sequence[Scores]) -> dict[str, object]:
    own = [each for each in found if each.arm == arm]
    taken = {
        f"test {number} taken": sum(getattr(each, test) is not None for each in own)
        for number, test in enumerate(TESTS, start=1)
    }
    return {"arm": arm, "learners": len(own), **taken}


def _show_effect(found: Sequence[Scores]) -> None:
    """Show what each arm had right in each test, and by how much their gains differ."""
    means = [
        (arm, test, right)
        for arm in ARMS
        for test in TESTS
        for each in found
        if each.arm == arm and (right := getattr(each, test)) is not None
    ]
    if means:
        st.vega_lite_chart(arm_lines(arm_table(means), LENGTH).spec, key="study_lines")
    for words, (first, second) in _GAINS.items():
        gained = responses.gains(list(found), first, second)
        if second == "later" and not any(gained.values()):
            continue
        try:
            st.markdown(in_words(effect_of(gained["locked"], gained["free"]), words))
        except DataError as error:
            show_note(f"Gain {words}: {error}")


def _show_items(room: Room, study: Study) -> None:
    forms = studies.forms_of(room, study)
    st.dataframe(
        [
            {
                "form": "ABC"[form],
                "item": place + 1,
                "question": item.plain,
                "right": item.right,
                "options": " · ".join(item.options),
            }
            for form, items in enumerate(forms)
            for place, item in enumerate(items)
        ],
        hide_index=True,
        height=320,
    )


def _want_effect(study: Study) -> None:
    st.session_state[_EFFECT] = study.id


def _delete(room: Room, study: Study) -> None:
    try:
        studies.remove(room, study)
    except MinigptError as error:
        st.session_state[_SAID] = str(error)
