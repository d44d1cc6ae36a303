"""Read a story that a model wrote: does it keep to its own people and things?

A model that has learned words but not stories lets a lamp appear from nowhere. So, of
everyone and everything mentioned after the third sentence, count who was introduced.
"""

import re
from functools import cache
from random import Random
from typing import NamedTuple

from minigpt.datasets.tales.story import write_story
from minigpt.datasets.tales.words import KNOWN, NEW

OPENING = 3  # sentences
_SENTENCE_END = re.compile(r'(?<=[.!?])\s+(?=["A-Z])|(?<=[.!?]")\s+(?=["A-Z])')
_WORD = re.compile(r"[A-Za-z]+")
_NAMES = {person.name for words in (KNOWN, NEW) for person in words.people}
_THINGS = {thing for words in (KNOWN, NEW) for thing in words.things}


class Mentions(NamedTuple):
    """Who and what a story speaks of after its third sentence, each counted once."""

    introduced: tuple[str, ...]
    from_nowhere: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share that was introduced; 1 when there is nothing to introduce."""
        number = len(self.introduced) + len(self.from_nowhere)
        return len(self.introduced) / number if number else 1.0


def sentences(story: str) -> list[str]:
    """Cut a story into sentences; `"Look!" said Tom.` is one."""
    return [part for part in _SENTENCE_END.split(story.strip()) if part]


def introduced(story: str) -> Mentions:
    """Tell who and what of a story's later part was introduced in that story.

    A person or thing that occurs after the third sentence is *introduced* if its first
    occurrence in the story

    - lies within the first three sentences, or
    - is an introducing form: `a kite`, `a red kite`, `a girl called Mia`,
      `her friend Mia`.

    Otherwise it comes from nowhere, and stays so: saying "the lamp" twice does not
    introduce a lamp. People are the names that tales knows and every other word with a
    capital letter that tales does not use as a common word; things are those that
    tales knows.

    Args:
        story: One story, up to the blank line.
    """
    parts = sentences(story)
    first_seen: dict[str, int] = {}
    later: dict[str, None] = {}
    for i, part in enumerate(parts):
        for word in _people_and_things(part):
            first_seen.setdefault(word, i)
            if i >= OPENING:
                later[word] = None
    known: list[str] = []
    unknown: list[str] = []
    for word in later:
        i = first_seen[word]
        is_known = i < OPENING or _is_introducing(parts[i], word)
        (known if is_known else unknown).append(word)
    return Mentions(tuple(known), tuple(unknown))


def _people_and_things(sentence: str) -> list[str]:
    found = []
    for word in _WORD.findall(sentence):
        is_name = word in _NAMES or (
            word[0].isupper() and word != "I" and word.lower() not in _common_words()
        )
        if is_name or word in _THINGS:
            found.append(word)
    return found


def _is_introducing(sentence: str, word: str) -> bool:
    """Say whether the first occurrence of the word in a sentence introduces it."""
    before = sentence[: re.search(rf"\b{word}\b", sentence).start()]  # type: ignore[union-attr]
    if word in _THINGS:
        return re.search(r"\b[Aa]n? (\w+ )?$", before) is not None
    return (
        re.search(r"\b(called|named|friend|sister|brother) $", before, re.IGNORECASE)
        is not None
    )


@cache
def _common_words() -> frozenset[str]:
    """Return the words that tales uses besides names, in small letters."""
    rng = Random(0)
    words: set[str] = {"s"}  # as in "Mia's"
    for _ in range(3000):
        words.update(_WORD.findall(write_story(rng, "train", 0.5).text))
    return frozenset(word.lower() for word in words - _NAMES)
