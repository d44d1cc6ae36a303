"""Pairs of prompts from the world of tales, as many as are asked for.

Each is a small story whose end has one right word, and the same story with one word
exchanged. The words are pairs that no training story joins (see `words`), so a model
that is right here has read the prompt.

Before: `minigpt.datasets.tales`. Next: `alignment`.
"""

from collections.abc import Callable, Iterable
from random import Random
from typing import Final

from minigpt.datasets.tales.words import (
    BOYS,
    CLASSES,
    GIRLS,
    KNOWN,
    PREPOSITIONS,
    THINGS,
    colours_of,
    partners,
    people,
)
from minigpt.datasets.tales.world import located
from minigpt.errors import DataError, near_names
from minigpt.interpret.pairs.pair_rows import PairRow


def tales_pairs(kind: str, count: int, seed: int = 0) -> list[PairRow]:
    """Draw pairs of prompts about one kind of fact.

    >>> tales_pairs("pronoun", 1)[0].answer in ("her", "his")
    True

    Args:
        kind: A key of `KINDS`.
        count: How many.
        seed: The same seed, the same pairs; the first of more are those of fewer.

    Raises:
        DataError: If there is no such kind.
    """
    if kind not in KINDS:
        raise DataError(
            f"There are no pairs {kind!r}: choose {', '.join(KINDS)}."
            f"{near_names(kind, KINDS)}"
        )
    rng = Random(f"pairs {kind} {seed}")
    return [KINDS[kind](rng) for _ in range(count)]


def _pair(texts: Iterable[str], answer: str, rival: str) -> PairRow:
    clean, corrupted = texts
    return PairRow(clean, corrupted, answer, rival)


def _two_things(rng: Random) -> tuple[str, str]:
    """Draw two things that have no colour in common, and no owner."""
    one = rng.randrange(len(THINGS))
    others = [n for n in range(len(THINGS)) if _classes(n) != _classes(one)]
    other = rng.choice([n for n in others if n % CLASSES != one % CLASSES])
    return THINGS[one], THINGS[other]


def _classes(thing: int) -> int:
    return thing // CLASSES % CLASSES


def _colour(rng: Random) -> PairRow:
    """Exchange the colour of the thing that is asked about."""
    thing, other = _two_things(rng)
    answer, rival = rng.sample(colours_of("held_out", thing), 2)
    also = rng.choice(colours_of("held_out", other))
    texts = (
        f"The {thing} was {colour}. The {other} was {also}. Everyone could see that "
        f"the {thing} was"
        for colour in (answer, rival)
    )
    return _pair(texts, answer, rival)


def _thing(rng: Random) -> PairRow:
    """Exchange which of two things is asked about."""
    things = _two_things(rng)
    colours = [rng.choice(colours_of("held_out", thing)) for thing in things]
    told = " ".join(
        f"The {thing} was {colour}."
        for thing, colour in zip(things, colours, strict=True)
    )
    texts = (f"{told} Everyone could see that the {thing} was" for thing in things)
    return _pair(texts, *colours)


def _owner(rng: Random) -> PairRow:
    """Exchange which of two things is asked for its owner."""
    group = rng.randrange(CLASSES)
    owners = rng.sample(people("held_out", group), 2)
    things = rng.sample(partners("held_out", "owner", frozenset([group])), 2)
    told = " ".join(
        f"{owner} had the {thing}." for owner, thing in zip(owners, things, strict=True)
    )
    texts = (f"{told} The {thing} belonged to" for thing in things)
    return _pair(texts, *map(str, owners))


def _place(rng: Random) -> PairRow:
    """Exchange the place that the person who is asked about went to."""
    group = rng.randrange(CLASSES)
    person, other = rng.sample(people("held_out", group), 2)
    within_reach = partners("held_out", "place", frozenset([group]))
    answer, rival, also = rng.sample(within_reach, 3)
    if PREPOSITIONS.get(answer) != PREPOSITIONS.get(rival):
        return _place(rng)  # only one word may differ: in the park, at the mill
    where = located(answer).removesuffix(answer).rstrip()
    texts = (
        f"{person} went to the {place}. {other} went to the {also}. {person} stayed "
        f"{where}"
        for place in (answer, rival)
    )
    return _pair(texts, answer, rival)


def _pronoun(rng: Random) -> PairRow:
    """Exchange a girl and a boy."""
    known = {person.name: person for person in KNOWN.people}
    two = [known[rng.choice(names)] for names in (GIRLS, BOYS)]
    rng.shuffle(two)
    texts = (f"Once there was a {one.child} called {one}. For" for one in two)
    return _pair(texts, *(one.their for one in two))


KINDS: Final[dict[str, Callable[[Random], PairRow]]] = {
    "colour": _colour,
    "thing": _thing,
    "owner": _owner,
    "place": _place,
    "pronoun": _pronoun,
}
"""What is exchanged: what is looked up, or the word that says where to look."""
