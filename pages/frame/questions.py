"""Predict and Check: commit to a guess, see the answer, and be asked once more.

A question comes as items of one kind, computed lazily: the first is about what is on
the screen, the others are about other heads, tokens or prompts. Each is answered once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any

import streamlit as st

from pages.frame import class_vote, covering, progress
from pages.frame.controls import hand_in, tour, verdicts
from pages.frame.look import present
from pages.frame.progress import Answer
from pages.frame.room import entrance
from pages.frame.words import bare, plain


@dataclass(frozen=True)
class Question:
    """One item with a choice of answers, one of them right."""

    id: str
    """Page and name: `attention.strongest`. Items of one kind share it."""
    text: str
    """Markdown; put what a user or model wrote through `words.plain`."""
    options: Sequence[str]
    """Plain texts, shown as they are, in an order that does not give them away."""
    answer: int
    """Which option is right, computed from the model."""
    why: str
    """What the model's numbers say, shown with the verdict. Markdown."""
    at: Mapping[str, Any] = field(default_factory=dict)
    """Where to see it: session state such as `{"layer": 0, "head": 1}`."""

    @property
    def fingerprint(self) -> str:
        """Tells this item from others, whatever name it is asked under."""
        content = (self.text, *self.options, self.answer, self.why)
        return sha256(repr(content).encode()).hexdigest()[:12]

    @property
    def key(self) -> str:
        """The key of the widget that holds the choice."""
        return f"_answer_{self.id}_{self.fingerprint}"

    @property
    def shown(self) -> list[str]:
        """The options on one line each."""
        return [option.replace("\n", "⏎") for option in self.options]

    def answered(self, chosen: int | None, *, is_prediction: bool) -> Answer:
        """Return what to keep of a choice; None: to be shown without one."""
        options = self.shown
        return Answer(
            item=self.fingerprint,
            question=bare(self.text),
            said=None if chosen is None else options[chosen],
            answer=options[self.answer],
            why=bare(self.why),
            right=chosen == self.answer,
            is_prediction=is_prediction,
            at=progress.now(),
        )


def predict(items: Iterable[Question], seen: Iterable[Question] = ()) -> bool:
    """Ask before the figure is shown; return whether it may be shown now.

    Draw whatever gives the answer away only where this returns True. Until then its
    place is held by a card, and a reader in a hurry can ask to be shown, or take the
    page's tour.

    Args:
        items: Items of one kind, the first about what is on the screen. Where there
            are none, nothing is asked and nothing covered.
        seen: Items of another kind, about what is seen once the figure is uncovered.
    """
    found = _Asking.of(items)
    if found is None:
        return True
    if found.item is not None and entrance.is_asked(found.item):
        return False  # whatever this reader has chosen: the class has not answered yet
    if found.item is not None and covering.is_on() and tour.is_under_way():
        # A tour shows the figure: it counts as being shown.
        _keep(found.item, found.item.answered(None, is_prediction=True))
        found = _Asking(found.id, progress.ask(found.id), None, None)
    if found.item is not None and (told := entrance.outcome(found.item)) is not None:
        _keep(found.item, told)
        found = _Asking(found.id, progress.ask(found.id), None, None)
    if found.item is None:
        _show_prediction(found, seen)
        return True
    key = f"predict_{found.item.fingerprint}"
    if present.is_on() and not covering.is_on():  # the figure comes first
        with st.expander(f"**Predict.** {found.item.text}", key=key):
            class_vote.show(found.item, _predicted)
            entrance.offer_to_ask(found.item)
        return True
    with st.container(border=True, key=key):
        if present.is_on() and not covering.is_locked():
            class_vote.show(found.item, _predicted)
            entrance.offer_to_ask(found.item)
            return False
        st.markdown(f"**Predict.** {found.item.text}")
        _choose(found.item, is_prediction=True)
        if covering.is_on():
            covering.offer_to_show(_show_me, found.item)
        entrance.offer_to_ask(found.item)
    if covering.is_on():
        covering.card()
        return False
    return True


def check(kinds: Sequence[Iterable[Question]]) -> None:
    """Ask at the end of a lesson: one item of each kind at a time."""
    asked = [found for found in map(_Asking.of, kinds) if found is not None]
    if not asked:
        return
    with st.container(key="check"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader("Check", anchor=False, width="content")
            summary = st.container(width="content")
        for column, found in zip(st.columns(len(asked)), asked, strict=True):
            with (
                column,
                st.container(border=True, height="stretch", key=f"check_{found.key}"),
            ):
                _ask(found)
        right = sum(any(given.right for given in found.answers) for found in asked)
        covering.offer_aids()
        summary.caption(f"{right} of {len(asked)} right · graded by this model")
        hand_in.offer({found.id: found.answers for found in asked})


def ask_again(items: Iterable[Question]) -> bool:
    """Ask one item as a warm-up or a review; return whether it is answered."""
    found = _Asking.of(items)
    if found is None:
        return True
    _ask(found)
    return found.item is None


@dataclass(frozen=True)
class _Asking:
    """A kind of question: what was answered, and what is asked or could be next."""

    id: str
    answers: list[Answer]
    item: Question | None
    """What is asked now; None where an answer is shown."""
    another: Question | None
    """The item that would come next."""

    @classmethod
    def of(cls, items: Iterable[Question]) -> "_Asking | None":
        first = None
        answers: list[Answer] = []
        for question in items:
            if first is None:
                first, answers = question, progress.ask(question.id)
            if question.fingerprint not in {each.item for each in answers}:
                is_asked = not answers or st.session_state.get(_again(first.id))
                return cls(
                    first.id,
                    answers,
                    question if is_asked else None,
                    None if is_asked else question,
                )
        return None if first is None else cls(first.id, answers, None, None)

    @property
    def key(self) -> str:
        return self.item.fingerprint if self.item else self.answers[-1].item


def _ask(found: _Asking) -> None:
    if found.item is None:
        st.markdown(plain(found.answers[-1].question))
        verdicts.show(found.answers[-1])
        _offer_another(found)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(found.item.text, width="stretch")
        _offer_the_way(found.item)
    _choose(found.item, is_prediction=False)


def _offer_the_way(item: Question) -> None:
    """Offer to go where an item's answer is seen, unless the page is there."""
    if any(st.session_state.get(key) != value for key, value in item.at.items()):
        st.button(
            "Go there",
            key=f"_go_{item.fingerprint}",
            icon=":material/my_location:",
            type="tertiary",
            on_click=_go_to,
            args=(item.at,),
        )


def _choose(question: Question, *, is_prediction: bool) -> None:
    """Show the options; a click on one is the answer."""
    options = [plain(option) for option in question.shown]
    st.radio(
        question.text,
        range(len(options)),
        index=None,
        format_func=options.__getitem__,
        key=question.key,
        label_visibility="collapsed",
        horizontal=sum(map(len, options)) < 48,
        on_change=_commit,
        args=(question, is_prediction),
    )


def _show_prediction(found: _Asking, seen: Iterable[Question]) -> None:
    """Show what was said and what was seen, in lines that open: the figure has room."""
    first = found.answers[-1]
    title = f"**Predict.** {plain(first.question)}"
    key = f"predict_{first.item}"
    after = _Asking.of(seen)
    if present.is_on():
        with st.expander(title, key=key):
            verdicts.show(first)
            _offer_another(found)
            if after is not None:
                with st.container(key=f"seen_{after.key}"):
                    _ask(after)
        return
    with st.container(border=True, key=key):
        verdicts.fold(first, title, partial(_offer_another, found))
        if after is None:
            return
        with st.container(key=f"seen_{after.key}"):
            if after.item is None:
                seen_before = after.answers[-1]
                question = plain(seen_before.question)
                verdicts.fold(seen_before, question, partial(_offer_another, after))
                return
            with st.expander(f"**Now look.** {after.item.text}"):
                _offer_the_way(after.item)
                _choose(after.item, is_prediction=False)


def _offer_another(found: _Asking) -> None:
    if found.another is not None:
        st.button(
            "Another one like it",
            key=f"_another_{found.key}",
            icon=":material/refresh:",
            type="tertiary",
            on_click=_ask_another,
            args=(found.id,),
        )


def _again(kind: str) -> str:
    return f"_again_{kind}"


def _ask_another(kind: str) -> None:
    st.session_state[_again(kind)] = True


def _go_to(place: Mapping[str, Any]) -> None:
    st.session_state.update(place)


def _commit(question: Question, is_prediction: bool) -> None:
    chosen = st.session_state.get(question.key)
    if chosen is not None:
        given = question.answered(chosen, is_prediction=is_prediction)
        (_predicted if is_prediction else _keep)(question, given)


def _predicted(question: Question, given: Answer) -> None:
    """Keep a prediction, and go to where its answer is seen."""
    _keep(question, given)
    _go_to(question.at)


def _show_me(question: Question) -> None:
    _predicted(question, question.answered(None, is_prediction=True))


def _keep(question: Question, given: Answer) -> None:
    progress.answer(question.id, given)
    entrance.note_try(question, given)
    st.session_state.pop(_again(question.id), None)
