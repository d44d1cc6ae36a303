"""Lessons: what teaches a model to look things up, before its first story.

A story hardly ever rewards who *binds* "red" to "kite": a model that knows how people
speak, and guesses the rest, has nearly the same loss, and stays there for millions of
tokens. A lesson holds nothing but facts and what follows from them, and only what
follows is learned (see `lessons`). The way from a thing to its colour becomes longer
from lesson to lesson:

- *repeats*: random words, said again: look for the word, copy the next one;
- *pairs*: `kite … red.`, all of them said twice, with the same few words in between;
- *facts*: `The kite was red. … What colour was the kite? kite red.`: among facts of
  one kind, the answer next to the word that was asked about;
- *questions*: facts in other words, journeys, two kinds of facts, answers as sentences:
  `… "The kite was red," said the fox.`;
- *stories*: questions about stories of tales;
- *longer*: wishes and causes, which are told in several words, first next to whose they
  are (`Mia sail the sea.`); and journeys with more places than a story's.

Lessons join no pair of words that tales holds out.
"""

from collections.abc import Sequence
from random import Random
from typing import Literal, NamedTuple

from minigpt.datasets.tales.facts import (
    NAMES,
    OTHER_WORDS,
    PLAIN,
    SHORT,
    Fact,
    draw_facts,
    question_about,
    sentence,
    tell,
)
from minigpt.datasets.tales.questions import (
    CONVERSATIONS,
    LISTENERS,
    Kind,
    StoryQuestion,
)
from minigpt.datasets.tales.story import write_story
from minigpt.datasets.tales.words import COLOURS, PLACES, THINGS

LessonName = Literal["repeats", "pairs", "facts", "questions", "stories", "longer"]
LESSONS: tuple[LessonName, ...] = (
    "repeats",
    "pairs",
    "facts",
    "questions",
    "stories",
    "longer",
)

OF_ONE_WORD: tuple[Kind, ...] = ("colour", "owner", "place")
LONGER: tuple[Kind, ...] = ("wish", "cause", "place")
MOST_MOVES = 4
WORDS = (*NAMES, *THINGS, *PLACES, *COLOURS)
"""All that facts of one word are about."""

_MOST_ASKED = 6


class LessonPart(NamedTuple):
    """A part of a lesson."""

    text: str
    is_answer: bool = False
    """Whether it follows from what was said before."""


def write_lesson(rng: Random, name: LessonName) -> list[LessonPart]:
    """Write one lesson.

    Args:
        rng: Where all choices come from.
        name: Which; words alone (`repeats`, `pairs`) are no texts and have their own
            functions.
    """
    if name == "facts":
        return _facts(rng)
    if name == "questions":
        return _questions(rng)
    if name == "longer":
        return _longer(rng)
    return _story(rng)


def repeated(rng: Random, words: Sequence[int], length: int) -> tuple[list[int], int]:
    """Repeat a random segment of 6 words or more until a row is full.

    Args:
        rng: Where all choices come from.
        words: What to choose from, as tokens.
        length: Of the row, in tokens.

    Returns:
        The row, and how long its segment is: so much of it cannot be known.
    """
    segment = rng.choices(words, k=rng.randint(min(6, length), max(6, length // 2)))
    times = -(-length // len(segment))
    return (segment * times)[:length], len(segment)


def paired(
    rng: Random, words: Sequence[int], stop: int
) -> tuple[list[int], list[bool]]:
    """Say five to seven pairs of a key and a value, then all of them again.

    Args:
        rng: Where all choices come from.
        words: What to choose from, as tokens.
        stop: The token that ends each pair.

    Returns:
        The row, and where the values are that were said before.
    """
    number = rng.randint(5, 7)
    drawn = rng.sample(words, 2 * number + 3)
    keys, values, spare = drawn[:number], drawn[number:-3], drawn[-3:]
    before, between = spare[: rng.randint(0, 1)], spare[1 : 1 + rng.randint(0, 2)]
    row: list[int] = []
    known: list[bool] = []
    for is_second in (False, True):
        for i in rng.sample(range(number), number):
            row += [*before, keys[i], *between, values[i], stop]
            known += [False] * (len(before) + 1 + len(between)) + [is_second, False]
    return row, known


def _facts(rng: Random) -> list[LessonPart]:
    kind = rng.choice(OF_ONE_WORD)
    if rng.random() < 0.5:
        facts, forms, asked = (
            draw_facts(rng, kind, rng.randint(4, 6), 1),
            PLAIN,
            _MOST_ASKED,
        )
    else:
        facts = draw_facts(rng, kind, rng.randint(2, 4), rng.choice((1, 2)))
        forms, asked = rng.choice((PLAIN, OTHER_WORDS)), 3
    said = [LessonPart(tell(rng, facts, forms))]
    for fact in rng.sample(facts, min(asked, len(facts))):
        said += _next_to_its_key(fact, facts)
    return said


def _questions(rng: Random) -> list[LessonPart]:
    if rng.random() < 0.5:
        kind = rng.choice(OF_ONE_WORD)
        facts = draw_facts(rng, kind, rng.randint(2, 4), rng.choice((1, 2, 3)))
    else:
        facts = [
            fact
            for kind in rng.sample(OF_ONE_WORD, 2)
            for fact in draw_facts(rng, kind, rng.randint(2, 3), rng.choice((1, 2, 3)))
        ]
    said = [LessonPart(tell(rng, facts, rng.choice((PLAIN, OTHER_WORDS)), filler=0.15))]
    for fact in rng.sample(facts, min(3, len(facts))):
        said += _in_a_sentence(rng, fact, facts)
    return said


def _longer(rng: Random) -> list[LessonPart]:
    kind, how = rng.choice(LONGER), rng.choice(("short", "plain", "told"))
    if how == "told":
        facts = draw_facts(rng, kind, rng.randint(2, 4), MOST_MOVES)
        said = [LessonPart(tell(rng, facts, rng.choice((PLAIN, OTHER_WORDS))))]
        for fact in rng.sample(facts, min(3, len(facts))):
            said += _in_a_sentence(rng, fact, facts)
        return said
    most = 4 if kind == "place" else 6
    facts = draw_facts(rng, kind, rng.randint(2, most), MOST_MOVES)
    said = [LessonPart(tell(rng, facts, SHORT if how == "short" else PLAIN))]
    for fact in rng.sample(facts, len(facts)):
        said += _next_to_its_key(fact, facts)
    return said


def _story(rng: Random) -> list[LessonPart]:
    story = write_story(rng, "train")
    chosen: dict[str, StoryQuestion] = {}
    for question in rng.sample(story.questions, min(3, len(story.questions))):
        chosen.setdefault(question.kind, question)
    said = [LessonPart(story.text)]
    for question in chosen.values():
        said += _asked(rng, question.text, question.lead, question.answer)
    return said


def _next_to_its_key(fact: Fact, facts: Sequence[Fact]) -> list[LessonPart]:
    """Ask, and answer in the shortest way: `kite red`."""
    asked = f" {question_about(fact, facts)} {fact.key}"
    return [LessonPart(asked), LessonPart(f" {fact.value}", True), LessonPart(".")]


def _in_a_sentence(rng: Random, fact: Fact, facts: Sequence[Fact]) -> list[LessonPart]:
    return _asked(rng, question_about(fact, facts), *sentence(fact))


def _asked(rng: Random, question: str, lead: str, answer: str) -> list[LessonPart]:
    """Let two animals talk; of their talk, the answer follows."""
    asker, teller = rng.sample(LISTENERS, 2)
    form = rng.choice(CONVERSATIONS)
    before, after = form.split("{answer}")
    before = before.format(question=question, asker=asker, teller=teller)
    comma = "" if after.startswith(".") else ","
    after = comma + after.format(asker=asker, teller=teller)
    return [
        LessonPart(f" {before}{lead}"),
        LessonPart(f" {answer}", True),
        LessonPart(after),
    ]
