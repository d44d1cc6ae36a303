"""One small world: who is in the story, what they own, want, feel, and where they go.

The world is drawn first and told afterwards (`scenes`), so that every story has
facts that can be asked about, and every question two or more candidates for an answer.
"""

from dataclasses import dataclass, field
from random import Random

from minigpt.datasets.tales.words import (
    CAUSES,
    CLASSES,
    FEELINGS,
    PREPOSITIONS,
    WISHES,
    Person,
    Split,
    colours_of,
    partners,
    people,
)


@dataclass(slots=True)
class Thing:
    """Something that somebody owns."""

    name: str
    colour: str
    owner: Person
    moved: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def new(self) -> str:
        """The thing as it is first mentioned: `a red kite`."""
        article = "an" if self.colour[0] in "aeiou" else "a"
        return f"{article} {self.colour} {self.name}"


@dataclass(slots=True)
class World:
    """Everything that is true in one story.

    The lists are in the order of `people`: `wishes[0]` is the first person's. Those of
    which the story does not speak are empty. A journey is every place that somebody
    goes to, in order.
    """

    people: list[Person]
    things: list[Thing]
    home: str
    exchange: str = ""
    wishes: list[str] = field(default_factory=list)
    journeys: list[list[str]] = field(default_factory=list)
    feeling: str = ""
    mood: str = ""
    causes: list[str] = field(default_factory=list)
    home_is_told: bool = False

    def belonging_to(self, person: Person) -> list[Thing]:
        """Return what somebody owns at this moment of the story."""
        return [thing for thing in self.things if thing.owner is person]

    @property
    def places(self) -> list[str]:
        """Where everybody is in the end."""
        return [journey[-1] for journey in self.journeys]

    @property
    def somebody_went_on(self) -> bool:
        """Whether the first place is not everybody's last."""
        return any(len(journey) > 1 for journey in self.journeys)


def located(place: str) -> str:
    """Say where somebody is: `in the park`, `at the mill`, `on the hill`."""
    return f"{PREPOSITIONS.get(place, 'at')} the {place}"


# How a thing may change hands. In each, the things that are asked about afterwards
# have different owners, so that no rule like "whoever was named last" finds them.
EXCHANGES_OF_TWO = ("swap", "lend", "share")
EXCHANGES = (*EXCHANGES_OF_TWO, "friend", "friend")
TOPICS = ("wishes", "places", "causes", "exchange")
# How many topics a story has: short ones, of one to three facts, are common.
_TOPICS_PER_STORY = (0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4)
# Who are more have less room for each: at most so many topics.
_TOPICS_OF = {2: 4, 3: 2, 4: 1}
_PEOPLE = (2, 2, 2, 2, 2, 2, 3, 3, 3, 4, 4)
_MOVES = (1, 2, 2, 3)


def draw_world(rng: Random, split: Split) -> World:
    """Draw a world; train worlds hold no held-out pair, held-out worlds only those."""
    topics = rng.sample(TOPICS, rng.choice(_TOPICS_PER_STORY))
    how_many = rng.choice(_PEOPLE)
    topics = topics[: _TOPICS_OF[how_many]]
    exchange = ""
    if "exchange" in topics:
        exchange = rng.choice(EXCHANGES if how_many == 3 else EXCHANGES_OF_TWO)
    world = _draw_cast(rng, split, how_many, exchange)
    if "wishes" in topics:
        world.wishes = rng.sample(WISHES, how_many)
    if "places" not in topics:
        world.journeys = []
    if "causes" in topics:
        world.mood = rng.choice(("sad", "happy"))
        world.feeling = rng.choice(FEELINGS[world.mood])
        world.causes = rng.sample(CAUSES[world.mood], how_many)
    return world


def _draw_cast(rng: Random, split: Split, how_many: int, exchange: str) -> World:
    group = rng.randrange(CLASSES) if split == "held_out" else None
    cast = rng.sample(people(split, group), how_many)
    groups = frozenset(person.group for person in cast)
    owners = cast[:2] if exchange == "friend" else list(cast)
    if exchange == "share":  # the giver, who has two things, keeps one
        owners.append(rng.choice(cast[:2]))
    things: list[Thing] = []
    taken: set[str] = set()
    for owner, name in zip(
        owners, rng.sample(partners(split, "owner", groups), len(owners)), strict=True
    ):
        colour = rng.choice(colours_of(split, name))
        while colour in taken:
            colour = rng.choice(colours_of(split, name))
        taken.add(colour)
        things.append(Thing(name, colour, owner))
    within_reach = partners(split, "place", groups)
    home, *ends = rng.sample(within_reach, how_many + 1)
    away = [place for place in within_reach if place != home]
    return World(cast, things, home, exchange, journeys=_journeys(rng, ends, away))


def _journeys(rng: Random, ends: list[str], away: list[str]) -> list[list[str]]:
    """Draw the ways to where everybody ends; every other time, nobody goes on.

    One's first place may be another's last: only who follows a person knows which.
    """
    if rng.random() < 0.5:
        return [[end] for end in ends]
    return [
        [*rng.sample([p for p in away if p != end], rng.choice(_MOVES) - 1), end]
        for end in ends
    ]
