"""The words of the world of tales, and which of them never meet in training.

Names and things are common short words, so that a small vocabulary gives most of them
one token each. Three kinds of world are told apart, each called a *split*:

- `train`: what a model may learn from;
- `held_out`: the same words in pairs that no training story ever joins: who has what,
  what has which colour, who goes where. A model that answers here has understood the
  story; it cannot have remembered the answer;
- `new`: names, things and places that no training story contains, longer ones too.
"""

# ruff: noqa: SIM905 - lists of words are easier to read without quotes and commas.

from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

from minigpt.tokenizers.base import Tokenizer

Split = Literal["train", "held_out", "new"]
SPLITS: tuple[Split, ...] = ("train", "held_out", "new")

# The lists' lengths are multiples of CLASSES, so that the rule which holds pairs out
# takes the same share of every word and no word gives away its partner.
CLASSES = 6

GIRLS = (
    "Ann Mia Lily Nora Ella Zoe Ruth Ida Jane Kate Lucy Mary "
    "Nell Olga Peg Rita Sue Tess Una Vera Wendy Ada Beth Cora "
    "Dora Edith Faye Gwen Iris Joan Lena Maud Nina Eve Amy Emma"
).split()
BOYS = (
    "Tom Ben Sam Max Leo Finn Jack Hugo Otto Noah Adam Carl "
    "Dan Eli Fred Gus Hank Ivan Jim Karl Luke Oscar Ned Omar "
    "Paul Ralph Seth Theo Vic Tim Zack Amos Boris Henry Dirk Emil"
).split()
THINGS = (
    "ball kite lamp book drum boat hat cup key bell coat box "
    "doll ring rope basket flute lantern map shell spoon stone sword train "
    "umbrella whistle bag blanket bottle brush button candle chair coin crown feather "
    "glove hammer jar mask mirror pencil scarf shoe wagon clock bowl plate"
).split()
PLACES = (
    "mill park river market school barn castle forest garden lake "
    "harbour bridge tower church farm beach hill cave shop library "
    "station bakery island meadow village pond temple orchard field inn"
).split()

NEW_GIRLS = "Matilda Rosalind Clementine Seraphina Ottilie Philippa".split()
NEW_BOYS = "Bartholomew Cornelius Leopold Montgomery Thaddeus Valentino".split()
NEW_THINGS = "teapot violin telescope compass wheelbarrow accordion".split()
NEW_PLACES = "museum lighthouse stable valley waterfall vineyard".split()

PREPOSITIONS = dict.fromkeys(
    "park castle forest garden tower church cave shop library barn bakery meadow "
    "village temple orchard field inn museum stable valley vineyard".split(),
    "in",
) | {"hill": "on", "island": "on", "bridge": "on"}

LIKENESS = {
    "red": "a cherry",
    "blue": "the sky",
    "green": "the grass",
    "yellow": "a lemon",
    "white": "snow",
    "black": "the night",
    "brown": "a nut",
    "pink": "a rose",
    "purple": "a plum",
    "orange": "a carrot",
    "gold": "the sun",
    "silver": "the moon",
}
COLOURS = tuple(LIKENESS)

WISHES = (
    "sail the sea|learn to sing|climb a mountain|find a treasure|bake a cake|"
    "see the king|fly like a bird|build a house|catch a fish|play the piano|"
    "write a song|ride a horse|meet a dragon|plant a tree|win a race|paint the sky|"
    "dance all night|count the stars|learn to swim|read every story|"
    "cross the desert|tame a wolf|cook a soup|see the snow"
).split("|")

FEELINGS = {
    "sad": ("sad", "upset", "cross", "unhappy"),
    "happy": ("happy", "glad", "cheerful", "merry"),
}
CAUSES = {
    "sad": (
        "it began to rain|the dog ran away|the soup was cold|the door was locked|"
        "the wind was loud|nobody came to play|the night was dark|the cake was burnt|"
        "the road was long|the cat was ill|the window broke|the milk was sour"
    ).split("|"),
    "happy": (
        "the sun came out|the music was sweet|the snow melted|a bird sang|"
        "the bread was warm|a letter came|the baby laughed|the flowers opened|"
        "the rain stopped|the cow came home|dinner was ready|the apples were ripe"
    ).split("|"),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a story, with the words that stand for them."""

    name: str
    child: str  # girl, boy
    sibling: str  # sister, brother
    they: str  # she, he
    them: str  # her, him
    their: str  # her, his
    They: str
    Their: str
    group: int  # the class by which pairs are held out

    def __str__(self) -> str:
        return self.name


class Words(NamedTuple):
    """What the stories of one split may be made of."""

    people: tuple[Person, ...]
    things: tuple[str, ...]
    places: tuple[str, ...]


def _girl(name: str, group: int) -> Person:
    return Person(name, "girl", "sister", "she", "her", "her", "She", "Her", group)


def _boy(name: str, group: int) -> Person:
    return Person(name, "boy", "brother", "he", "him", "his", "He", "His", group)


def _people(girls: list[str], boys: list[str]) -> tuple[Person, ...]:
    return tuple(_girl(name, i % CLASSES) for i, name in enumerate(girls)) + tuple(
        _boy(name, i % CLASSES) for i, name in enumerate(boys)
    )


KNOWN = Words(_people(GIRLS, BOYS), tuple(THINGS), tuple(PLACES))
NEW = Words(_people(NEW_GIRLS, NEW_BOYS), tuple(NEW_THINGS), tuple(NEW_PLACES))

_PERSON = {person.name: person for words in (KNOWN, NEW) for person in words.people}
_THING = {thing: i for i, thing in enumerate(THINGS)}
_PLACE = {place: i for i, place in enumerate(PLACES)}
_COLOUR = {colour: i for i, colour in enumerate(COLOURS)}


def kinds_of_tokens(tokenizer: Tokenizer) -> dict[int, str]:
    """Say of which kind each known word is that a tokenizer keeps whole.

    Args:
        tokenizer: Any. A word is read after a space, as in a sentence, and alone if
            spaces have tokens of their own.

    Returns:
        `name`, `thing`, `place` or `colour` of each such token's id.
    """
    known = {
        "name": [person.name for person in KNOWN.people],
        "thing": KNOWN.things,
        "place": KNOWN.places,
        "colour": COLOURS,
    }
    kinds = {}
    for kind, words in known.items():
        for word in words:
            readings = (tokenizer.encode(text) for text in (f" {word}", word))
            whole = [tokens for tokens in readings if len(tokens) == 1]
            # A word that a tokenizer never saw is one token, too: <unk>.
            if whole and tokenizer.decode(whole[0]).strip() == word:
                kinds[whole[0][0]] = kind
    return kinds


def is_held_out(kind: str, first: str, second: str) -> bool:
    """Say whether training stories must not join these two words.

    A pair is held out when its two numbers add up to a multiple of six: one pair in
    six, and of every word the same share.

    >>> is_held_out("owner", "Ann", "ball"), is_held_out("owner", "Ann", "kite")
    (True, False)

    Args:
        kind: `owner` (person, thing), `place` (person, place) or `colour` (thing,
            colour).
        first: The person or thing.
        second: The thing, place or colour.
    """
    if kind == "colour":
        # Things of one class share their people; their colours must differ.
        return (_THING[first] // CLASSES + _COLOUR[second]) % CLASSES == 0
    number = (_THING if kind == "owner" else _PLACE)[second]
    return (_PERSON[first].group + number) % CLASSES == 0


@cache
def people(split: Split, group: int | None = None) -> tuple[Person, ...]:
    """Return who may appear; `group` keeps one class of people only."""
    everyone = (NEW if split == "new" else KNOWN).people
    return tuple(p for p in everyone if group is None or p.group == group)


@cache
def partners(split: Split, kind: str, groups: frozenset[int]) -> tuple[str, ...]:
    """Return the things or places that may meet people of all these classes."""
    known = KNOWN.things if kind == "owner" else KNOWN.places
    if split == "new":
        return NEW.things if kind == "owner" else NEW.places
    wanted = split == "held_out"
    return tuple(
        word
        for i, word in enumerate(known)
        if all(((group + i) % CLASSES == 0) == wanted for group in groups)
    )


@cache
def colours_of(split: Split, thing: str) -> tuple[str, ...]:
    """Return the colours that a thing may have."""
    if split == "new":
        return COLOURS
    wanted = split == "held_out"
    return tuple(c for c in COLOURS if is_held_out("colour", thing, c) == wanted)
