"""The tests of a study, drawn from a lesson's own questions about the model at hand."""

import secrets
from collections.abc import Iterable, Iterator

from minigpt.classroom.study.forms import Item, compose
from minigpt.library.catalogue import ModelEntry
from pages.frame import course, models
from pages.frame.questions import Question
from pages.frame.recall import recall_of
from pages.frame.words import bare

_OF_TWO_MODELS = "compare"
"""Its questions are about two models, and a study has one."""


def lessons() -> list[course.Lesson]:
    """Return the lessons whose questions can be asked without their figures."""
    return [
        each
        for each in course.LESSONS
        if each.name != _OF_TWO_MODELS and recall_of(each) is not None
    ]


def draw(lesson: course.Lesson, entry: ModelEntry) -> list[list[Item]]:
    """Draw the forms of a test, [form place].

    Args:
        lesson: One of `lessons`.
        entry: The model that the items are about.

    Raises:
        DataError: If the lesson has too few items for this model.
    """
    ask = recall_of(lesson)
    checkpoint = models.load(entry.path_at(None))
    kinds = [] if ask is None else ask(checkpoint)
    return compose(map(_items, kinds), secrets.randbelow(10**6))


def _items(kind: Iterable[Question]) -> Iterator[Item]:
    for question in kind:
        options = tuple(question.shown)
        text = bare(question.text)
        yield Item(question.id, question.text, text, options, question.answer)
