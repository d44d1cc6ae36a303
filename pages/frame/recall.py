"""Asking again: two questions from earlier lessons, and reviews that have become due.

A lesson's `questions.py` may offer `recall`: items that can be answered without its
figures. What is recalled a day later, and a week later, is kept.
"""

import importlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice

import streamlit as st

from minigpt.checkpoint import Checkpoint
from pages.frame import course, models, progress
from pages.frame.guard import guard
from pages.frame.questions import Question, ask_again

Recall = Callable[[Checkpoint], Iterable[Iterator[Question]]]
"""Kinds of items, each an iterator; what they ask is computed from a checkpoint."""

AT_ONCE = 2


def recall_of(lesson: course.Lesson) -> Recall | None:
    """Return what a lesson offers to be asked again; None where it offers nothing."""
    module = importlib.import_module(f"pages.{lesson.name}.questions")
    found: Recall | None = getattr(module, "recall", None)
    return found


def warm_up(name: str) -> None:
    """Offer two questions from the lessons answered before this one.

    Args:
        name: The page's, in the URL.
    """
    names = [lesson.name for lesson in course.LESSONS]
    if name not in names:
        return
    before = [
        lesson
        for lesson in course.LESSONS[: names.index(name)]
        if _is_answered(lesson) and recall_of(lesson) is not None
    ]
    if not before:
        return
    with st.expander(
        "Warm up: questions from earlier lessons",
        icon=":material/exercise:",
        key="warm_up",
        on_change="rerun",
    ) as box:
        if box.open:
            for lesson in before[-AT_ONCE:]:
                count = AT_ONCE if len(before) == 1 else 1
                with guard():  # a lesson may not know this model: the page goes on
                    _ask(lesson, f"warm_up.{name}", count)


def reviews() -> None:
    """Show the lessons whose review is due today, each to be opened and answered."""
    found = progress.of_session()
    due = [each for each in found.due(progress.now()) if recall_of(each) is not None]
    if not due:
        return
    with st.container(key="reviews"):
        st.markdown("**Due for review today.** Two questions each, from memory.")
        for lesson in due:
            with st.expander(
                lesson.title, icon=lesson.icon, on_change="rerun", key=_box(lesson)
            ) as box:
                if box.open:
                    with guard():
                        _review(lesson, len(found.reviews.get(lesson.name, [])))


def _review(lesson: course.Lesson, time: int) -> None:
    """Ask what a review asks; once it is answered, offer to put it away."""
    if _ask(lesson, f"review{time}", AT_ONCE):
        st.button(
            "Done: ask me again later",
            on_click=progress.review,
            args=(lesson.name,),
            key=f"_reviewed_{lesson.name}",
        )


def _ask(lesson: course.Lesson, prefix: str, count: int) -> bool:
    """Ask some kinds of a lesson's; return whether all of them are answered."""
    recall = recall_of(lesson)
    if recall is None:
        return True
    st.caption(lesson.title)
    kinds = islice(recall(models.chosen()), count)
    answered = [ask_again(_renamed(kind, prefix)) for kind in kinds]
    return all(answered)


def _renamed(kind: Iterable[Question], prefix: str) -> Iterator[Question]:
    """Give items another name, and leave out what was answered under any other."""
    asked = [
        (name, each.item)
        for lesson in progress.of_session().lessons.values()
        for name, answers in lesson.items()
        for each in answers
    ]
    for question in kind:
        name = f"{prefix}.{question.id}"
        elsewhere = {item for other, item in asked if other != name}
        if question.fingerprint not in elsewhere:
            yield replace(question, id=name, at={})


def _is_answered(lesson: course.Lesson) -> bool:
    return any(progress.of_session().lessons.get(lesson.name, {}).values())


def _box(lesson: course.Lesson) -> str:
    return f"review_of_{lesson.name}"
