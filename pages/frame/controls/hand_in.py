"""A lesson's Check, handed in: a code of a name and the answers, signed with a word."""

import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.errors import MinigptError
from minigpt.lesson_file.contents import model_hash, plain_weights
from minigpt.lesson_file.handed_in import Item, Result, Score, signed
from pages.frame import course, covering, models, progress
from pages.frame.progress import Answer
from pages.frame.remember import remember
from pages.frame.room import seats
from pages.frame.words import plain
from viz.components.signed_result.view import SignedResult, signed_result

_LONGEST_NAME = 60
_MADE, _NAMED = "_handed_in", "_handed_in_as"
"""The last result of this session, with which Check it is of; and the name in it."""

Asked = Mapping[str, Sequence[Answer]]
"""The answers to each question of a Check, by its id; none yet: `[]`."""


@st.fragment
def offer(asked: Asked) -> None:
    """Offer to make a code of a Check's answers, once a reader wants it.

    Args:
        asked: What the Check asks. The first answer counts.
    """
    if covering.is_in_study():
        return  # its answers are the study's, under no name
    box = st.expander(
        "Hand in your result",
        icon=":material/outbox:",
        key="hand_in",
        on_change="rerun",
    )
    if box.open:
        with box:
            _show_form(asked)


def _show_form(asked: Asked) -> None:
    st.caption(
        "Your name, your first answers and the class’s word make a code, for your "
        "teacher to check. The word itself is not in it, and is not kept."
    )
    signed_result(None, key="hand_in_told")
    with st.form("hand_in_form", border=False):
        name = st.text_input(
            "Your name",
            _own_name(),
            key="_hand_in_name",
            max_chars=_LONGEST_NAME,
            autocomplete="off",
        )
        word = st.text_input(
            "The class’s word", key="_hand_in_word", autocomplete="off"
        )
        wants = st.form_submit_button("Make the code", type="primary")
    if wants and not (name.strip() and word.strip()):
        has_name = bool(name.strip())
        st.info(
            "Write the word that your teacher gave." if has_name else "Write your name."
        )
        return
    if wants:
        result = _result(asked, unicodedata.normalize("NFC", name.strip()))
        st.session_state[_NAMED] = result.name
        st.session_state[_MADE] = _check(asked), result, signed(result, word)
    _show_made(asked)


def _show_made(asked: Asked) -> None:
    """Show the code of this very Check, if this session has made one."""
    of, result, code = st.session_state.get(_MADE, (None, None, ""))
    if of != _check(asked):
        return
    score = result.score
    name = f"\u2068{plain(result.name)}\u2069"  # Hebrew must not turn the score round
    said = f"{name}: {score.right} of {score.asked} right."
    if missing := score.asked - len(result.items):
        said += f" {missing} not answered yet; you may make the code again."
    st.markdown(said)
    signed_result(SignedResult(code, result.model_dump()), key="hand_in_code")


def _result(asked: Asked, name: str) -> Result:
    first = {question: given[0] for question, given in asked.items() if given}
    return Result(
        name=name,
        lesson=_lesson(),
        model=_chosen_model(),
        score=Score(
            right=sum(given.right for given in first.values()), asked=len(asked)
        ),
        items=[
            Item(lesson=question, answer=given.said or "", right=given.right)
            for question, given in first.items()
        ],
        time=f"{progress.now():%Y-%m-%dT%H:%M:%SZ}",
    )


def _check(asked: Asked) -> tuple[str, ...]:
    """Tell a Check from others: a lesson of several views has several."""
    return _lesson(), *asked


def _lesson() -> str:
    return st.session_state.get("_page") or course.HOME.name


def _own_name() -> str:
    """Return the name given last, or a learner's in the class."""
    here = seats.seat()
    in_class = "" if here is None or here.is_teacher else here.name
    return str(st.session_state.get(_NAMED, in_class))


def _chosen_model() -> str:
    """Return what tells the chosen model from others; empty where there is none."""
    with suppress(MinigptError):
        return _hash_of(models.chosen())
    return ""


@remember(8)
def _hash_of(checkpoint: Checkpoint) -> str:
    return model_hash(plain_weights(checkpoint.model))
