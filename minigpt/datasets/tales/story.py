"""Tales: a small world that writes stories, as many as a model needs.

The same seed gives the same text on every machine; nothing is downloaded. People and
things come back, pronouns refer, and what a story tells can be asked about, so that a
model's reading can be measured, not only its spelling.

>>> from random import Random
>>> story = write_story(Random(1), "train")
>>> story.questions[0].text, story.questions[0].answer
('What colour was the crown?', 'purple')

Before this stage there is nothing: this is where text comes from. Next, `corpus` cuts
it into training and validation tokens.
"""

from random import Random
from typing import NamedTuple

from minigpt.datasets.tales import scenes
from minigpt.datasets.tales.questions import StoryQuestion, ask, conversation
from minigpt.datasets.tales.words import SPLITS, Split
from minigpt.datasets.tales.world import World, draw_world
from minigpt.errors import DataError, near_names

STORY_END = "\n\n"
LONGEST_STORY = 16  # sentences, before a conversation


class StoryFact(NamedTuple):
    """One thing that is true in a story: `("colour", "kite", "red")`."""

    kind: str
    subject: str
    value: str


class Story(NamedTuple):
    """A story, what is true in it, and what may be asked about it."""

    text: str
    facts: tuple[StoryFact, ...]
    questions: tuple[StoryQuestion, ...]


def write_story(
    rng: Random, split: Split = "train", conversation_share: float = 0.0
) -> Story:
    """Draw a world and tell it, in 5 to 16 sentences.

    Args:
        rng: Where all choices come from: the same state, the same story.
        split: Which worlds: `train`, `held_out` (no pair of words that a training
            story joins) or `new` (words that no training story has).
        conversation_share: How often the story ends with animals who ask and answer
            questions about it, as a probability.

    Raises:
        DataError: If there is no split of that name.
    """
    if split not in SPLITS:
        raise DataError(
            f"There is no split {split!r} of tales: choose {', '.join(SPLITS)}."
            f"{near_names(split, SPLITS)}"
        )
    world = draw_world(rng, split)
    facts = _owned_at_first(world)
    sentences = _tell(rng, world)
    while len(sentences) > LONGEST_STORY:
        world = draw_world(rng, split)
        facts = _owned_at_first(world)
        sentences = _tell(rng, world)
    questions = ask(world)
    if rng.random() < conversation_share:
        sentences.append(conversation(rng, questions))
    return Story(" ".join(sentences), _facts(world, facts), tuple(questions))


def _tell(rng: Random, world: World) -> list[str]:
    told = scenes.opening(rng, world)
    if rng.random() < 0.5:
        told.append(scenes.colour_again(rng, rng.choice(world.things)))
    if rng.random() < 0.5:
        told.append(scenes.play(rng, world))
    tell = [getattr(scenes, topic) for topic in _topics(world)]
    rng.shuffle(tell)
    for scene in tell:
        told += scene(rng, world)
    memories = scenes.recollections(rng, world)
    rng.shuffle(memories)
    room = LONGEST_STORY - 1 - len(told)
    fewest = max(1, 4 - len(told))
    told += memories[: max(0, min(room, rng.randint(fewest, 3)))]
    told.append(scenes.ending(rng, world))
    return told


def _topics(world: World) -> list[str]:
    told = {
        "wishes": world.wishes,
        "places": world.places,
        "causes": world.causes,
        "exchange": world.exchange,
    }
    return [topic for topic, is_told in told.items() if is_told]


def _owned_at_first(world: World) -> list[StoryFact]:
    return [StoryFact("owned", str(t.owner), t.name) for t in world.things]


def _facts(world: World, owned_at_first: list[StoryFact]) -> tuple[StoryFact, ...]:
    """List what is true at the end, and who owned what at the beginning."""
    facts = list(owned_at_first)
    for thing in world.things:
        facts.append(StoryFact("owner", str(thing.owner), thing.name))
        facts.append(StoryFact("colour", thing.name, thing.colour))
    for kind, values in (
        ("wish", world.wishes),
        ("place", world.places),
        ("cause", world.causes),
    ):
        if values:
            facts += [
                StoryFact(kind, str(person), value)
                for person, value in zip(world.people, values, strict=True)
            ]
    if world.home_is_told:
        facts += [StoryFact("home", str(person), world.home) for person in world.people]
    return tuple(facts)


def generate_tales(
    num_bytes: int,
    seed: int = 0,
    split: Split = "train",
    conversation_share: float = 0.2,
) -> str:
    r"""Write stories until they fill a size, a blank line after each.

    Args:
        num_bytes: How much, in bytes (the text is ASCII: also in characters). The
            last story is finished, so the text is at most one story longer.
        seed: The same seed, the same text.
        split: Which worlds, as in `write_story`.
        conversation_share: How many stories end with questions and answers.
    """
    rng = Random(f"tales {split} {seed}")
    stories = []
    size = 0
    while size < num_bytes:
        story = write_story(rng, split, conversation_share).text
        stories.append(story)
        size += len(story) + len(STORY_END)
    return STORY_END.join(stories) + STORY_END
