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

from minigpt.datasets import tales_phrases as phrases
from minigpt.datasets.tales import write_story
from minigpt.datasets.tales_questions import CONVERSATIONS, LISTENERS, Kind, Question
from minigpt.datasets.tales_words import (
    CAUSES,
    COLOURS,
    FEELINGS,
    KNOWN,
    PLACES,
    THINGS,
    WISHES,
    is_held_out,
)

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
NAMES = tuple(person.name for person in KNOWN.people)
WORDS = (*NAMES, *THINGS, *PLACES, *COLOURS)
"""All that facts of one word are about."""

_KEYS = {
    "colour": THINGS,
    "owner": THINGS,
    "place": NAMES,
    "wish": NAMES,
    "cause": NAMES,
}
_VALUES = {"colour": COLOURS, "owner": NAMES, "place": PLACES, "wish": WISHES}
# {key} is what a question names, {value} what it asks for.
_PLAIN: dict[Kind, tuple[str, ...]] = {
    "colour": ("The {key} was {value}.",),
    "owner": ("{value} had the {key}.", "The {key} belonged to {value}."),
    "place": ("{key} went to the {value}.",),
    "wish": ("{key} wanted to {value}.",),
    "cause": ("{key} was {feeling} because {value}.",),
}
_OTHER_WORDS: dict[Kind, tuple[str, ...]] = {
    "colour": (*_PLAIN["colour"], "Everyone could see that the {key} was {value}."),
    "owner": (
        *_PLAIN["owner"],
        "{value} had the {key}, of course.",
        "Everyone knew that the {key} belonged to {value}.",
    ),
    "place": phrases.GO,
    "wish": phrases.OTHER_WISH,
    "cause": phrases.FEEL,
}
_SHORT: dict[Kind, tuple[str, ...]] = {
    "place": _PLAIN["place"],
    "wish": ("{key} {value}.",),
    "cause": ("{key} {value}.",),
}
_QUESTION = {
    "colour": "What colour was the {key}?",
    "owner": "Who had the {key}?",
    "place": "Where did {key} go{last}?",
    "wish": "What did {key} want?",
    "cause": "Why was {key} {feeling}?",
}
# How an answer begins as a sentence: what all such answers share, and what one gives.
_LEAD = {
    "colour": ("The {key} was", "{value}"),
    "owner": ("The {key} belonged to", "{value}"),
    "place": ("{key} went to", "the {value}"),
    "wish": ("{key} wanted", "to {value}"),
    "cause": ("{key} was {feeling}", "because {value}"),
}
_MOST_ASKED = 6


class Said(NamedTuple):
    """A part of a lesson."""

    text: str
    is_answer: bool = False
    """Whether it follows from what was said before."""


class Fact(NamedTuple):
    """What is true in a lesson: somebody's places in order, or one value."""

    kind: Kind
    key: str
    values: tuple[str, ...]
    feeling: str = ""
    """For which a cause is the reason; in one lesson, all feel the same."""

    @property
    def value(self) -> str:
        """What is true in the end."""
        return self.values[-1]

    def put_into(self, form: str, value: str = "") -> str:
        """Fill a sentence's gaps; if no other value is given, with what is true."""
        value = value or self.value
        who = {"key": self.key, "a": self.key, "feeling": self.feeling}
        what = dict.fromkeys(("value", "place", "wish", "cause"), value)
        return form.format(**who, **what, last="{last}")


def write_lesson(rng: Random, name: LessonName) -> list[Said]:
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


def _facts(rng: Random) -> list[Said]:
    kind = rng.choice(OF_ONE_WORD)
    if rng.random() < 0.5:
        facts, forms, asked = (
            _draw(rng, kind, rng.randint(4, 6), 1),
            _PLAIN,
            _MOST_ASKED,
        )
    else:
        facts = _draw(rng, kind, rng.randint(2, 4), rng.choice((1, 2)))
        forms, asked = rng.choice((_PLAIN, _OTHER_WORDS)), 3
    said = _tell(rng, facts, forms)
    for fact in rng.sample(facts, min(asked, len(facts))):
        said += _next_to_its_key(fact, facts)
    return said


def _questions(rng: Random) -> list[Said]:
    if rng.random() < 0.5:
        kind = rng.choice(OF_ONE_WORD)
        facts = _draw(rng, kind, rng.randint(2, 4), rng.choice((1, 2, 3)))
    else:
        facts = [
            fact
            for kind in rng.sample(OF_ONE_WORD, 2)
            for fact in _draw(rng, kind, rng.randint(2, 3), rng.choice((1, 2, 3)))
        ]
    said = _tell(rng, facts, rng.choice((_PLAIN, _OTHER_WORDS)), filler=0.15)
    for fact in rng.sample(facts, min(3, len(facts))):
        said += _in_a_sentence(rng, fact, facts)
    return said


def _longer(rng: Random) -> list[Said]:
    kind, how = rng.choice(LONGER), rng.choice(("short", "plain", "told"))
    if how == "told":
        facts = _draw(rng, kind, rng.randint(2, 4), MOST_MOVES)
        said = _tell(rng, facts, rng.choice((_PLAIN, _OTHER_WORDS)))
        for fact in rng.sample(facts, min(3, len(facts))):
            said += _in_a_sentence(rng, fact, facts)
        return said
    most = 4 if kind == "place" else 6
    facts = _draw(rng, kind, rng.randint(2, most), MOST_MOVES)
    said = _tell(rng, facts, _SHORT if how == "short" else _PLAIN)
    for fact in rng.sample(facts, len(facts)):
        said += _next_to_its_key(fact, facts)
    return said


def _story(rng: Random) -> list[Said]:
    story = write_story(rng, "train")
    chosen: dict[str, Question] = {}
    for question in rng.sample(story.questions, min(3, len(story.questions))):
        chosen.setdefault(question.kind, question)
    said = [Said(story.text)]
    for question in chosen.values():
        said += _asked(rng, question.text, question.lead, question.answer)
    return said


def _draw(rng: Random, kind: Kind, number: int, moves: int) -> list[Fact]:
    """Draw facts of one kind, no two of them with one value; journeys of some moves."""
    feeling, values = "", _VALUES.get(kind, ())
    if kind == "cause":
        mood = rng.choice(tuple(FEELINGS))
        feeling, values = rng.choice(FEELINGS[mood]), CAUSES[mood]
    while True:
        facts: list[Fact] = []
        for key in rng.sample(_KEYS[kind], number):
            taken = {fact.value for fact in facts}
            allowed = [v for v in values if _may_meet(kind, key, v)]
            free = [value for value in allowed if value not in taken]
            if not free:
                break
            last = rng.choice(free)
            steps = rng.randint(1, moves) if kind == "place" else 1
            earlier = rng.sample([v for v in allowed if v != last], steps - 1)
            facts.append(Fact(kind, key, (*earlier, last), feeling))
        else:
            return facts


def _may_meet(kind: Kind, key: str, value: str) -> bool:
    if kind in ("wish", "cause"):
        return True  # anybody may want and feel anything
    pair = (value, key) if kind == "owner" else (key, value)
    return not is_held_out(kind, *pair)


def _tell(
    rng: Random,
    facts: Sequence[Fact],
    forms: dict[Kind, tuple[str, ...]],
    filler: float = 0.0,
) -> list[Said]:
    """Tell facts in any order, but each journey in its own."""
    turns = [fact for fact in facts for _ in fact.values]
    rng.shuffle(turns)
    onward = {fact: list(fact.values) for fact in facts}
    told: list[str] = []
    for fact in turns:
        is_first = len(onward[fact]) == len(fact.values)
        form = rng.choice(forms[fact.kind])
        if not is_first:
            form = rng.choice(phrases.GO_ON)
        told.append(fact.put_into(form, onward[fact].pop(0)))
        if rng.random() < filler:
            told.append(rng.choice(phrases.FILLER))
    return [Said(" ".join(told))]


def _next_to_its_key(fact: Fact, facts: Sequence[Fact]) -> list[Said]:
    """Ask, and answer in the shortest way: `kite red`."""
    asked = f" {_question(fact, facts)} {fact.key}"
    return [Said(asked), Said(f" {fact.value}", True), Said(".")]


def _in_a_sentence(rng: Random, fact: Fact, facts: Sequence[Fact]) -> list[Said]:
    lead, answer = (fact.put_into(form) for form in _LEAD[fact.kind])
    return _asked(rng, _question(fact, facts), lead, answer)


def _question(fact: Fact, facts: Sequence[Fact]) -> str:
    went_on = any(len(other.values) > 1 for other in facts)
    return fact.put_into(_QUESTION[fact.kind]).format(last=" last" if went_on else "")


def _asked(rng: Random, question: str, lead: str, answer: str) -> list[Said]:
    """Let two animals talk; of their talk, the answer follows."""
    asker, teller = rng.sample(LISTENERS, 2)
    form = rng.choice(CONVERSATIONS)
    before, after = form.split("{answer}")
    before = before.format(question=question, asker=asker, teller=teller)
    comma = "" if after.startswith(".") else ","
    after = comma + after.format(asker=asker, teller=teller)
    return [Said(f" {before}{lead}"), Said(f" {answer}", True), Said(after)]
