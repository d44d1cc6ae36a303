"""Facts that a lesson is about: drawn, told in words, and asked for.

    kite  →  red        The kite was red.        What colour was the kite?
    Mia   →  mill, pond Mia went to the mill. …  Where did Mia go last?

Next: `lessons`, which puts facts and questions together. No fact joins a pair of
words that tales holds out.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from minigpt.datasets.tales import phrases
from minigpt.datasets.tales.questions import WORDING, Kind
from minigpt.datasets.tales.words import (
    CAUSES,
    COLOURS,
    FEELINGS,
    KNOWN,
    PLACES,
    THINGS,
    WISHES,
    is_held_out,
)

Forms = dict[Kind, tuple[str, ...]]
"""Sentences that tell a fact of each kind."""

NAMES = tuple(person.name for person in KNOWN.people)
_KEYS = {
    "colour": THINGS,
    "owner": THINGS,
    "place": NAMES,
    "wish": NAMES,
    "cause": NAMES,
}
_VALUES = {"colour": COLOURS, "owner": NAMES, "place": PLACES, "wish": WISHES}
# {key} is what a question names, {value} what it asks for.
PLAIN: Forms = {
    "colour": ("The {key} was {value}.",),
    "owner": ("{value} had the {key}.", "The {key} belonged to {value}."),
    "place": ("{key} went to the {value}.",),
    "wish": ("{key} wanted to {value}.",),
    "cause": ("{key} was {feeling} because {value}.",),
}
OTHER_WORDS: Forms = {
    "colour": (*PLAIN["colour"], "Everyone could see that the {key} was {value}."),
    "owner": (
        *PLAIN["owner"],
        "{value} had the {key}, of course.",
        "Everyone knew that the {key} belonged to {value}.",
    ),
    "place": phrases.GO,
    "wish": phrases.OTHER_WISH,
    "cause": phrases.FEEL,
}
SHORT: Forms = {
    "place": PLAIN["place"],
    "wish": ("{key} {value}.",),
    "cause": ("{key} {value}.",),
}
"""Wishes and causes next to whose they are."""


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

    def put_into(self, form: str, value: str = "", last: str = "") -> str:
        """Fill a sentence's gaps; if no other value is given, with what is true."""
        value = value or self.value
        who = {"key": self.key, "a": self.key, "feeling": self.feeling}
        what = dict.fromkeys(("value", "place", "wish", "cause"), value)
        return form.format(**who, **what, last=last)


def draw_facts(rng: Random, kind: Kind, number: int, moves: int) -> list[Fact]:
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


def tell(
    rng: Random,
    facts: Sequence[Fact],
    forms: Forms,
    filler: float = 0.0,
) -> str:
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
    return " ".join(told)


def question_about(fact: Fact, facts: Sequence[Fact]) -> str:
    """Ask what is true in the end of one of several facts."""
    went_on = any(len(other.values) > 1 for other in facts)
    return fact.put_into(WORDING[fact.kind].question, last=" last" if went_on else "")


def sentence(fact: Fact) -> tuple[str, str]:
    """Return how a whole answer begins, and the words that were asked for."""
    wording = WORDING[fact.kind]
    return fact.put_into(wording.lead), fact.put_into(wording.answer)
