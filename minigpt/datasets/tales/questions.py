"""Questions about a story, their answers, and what can be scored without reading it.

Of every kind that is asked there are two or more candidates in the story, and together
the questions of one kind ask for every candidate equally often (or nearly: a friend who
gave away the only thing is no answer). So picking a word of the right kind, whichever
way, is right for about one question in two, and only a model that *binds* "red" to
"kite" does better.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from random import Random
from typing import Literal, NamedTuple

from minigpt.datasets.tales.world import World

Kind = Literal["colour", "owner", "place", "wish", "cause"]
KINDS: tuple[Kind, ...] = ("colour", "owner", "place", "wish", "cause")
Strategy = Literal["recent", "first", "frequent", "uniform"]
STRATEGIES: tuple[Strategy, ...] = ("recent", "first", "frequent", "uniform")


class StoryQuestion(NamedTuple):
    """Something to ask about a story.

    Attributes:
        kind: What is asked for.
        text: `What colour was the kite?`
        answer: The exact words: `red`, `Mia`, `the mill`, `to sail the sea`,
            `because it began to rain`.
        sentence: A whole answer, the asked-for thing first: `The kite was red.`
        candidates: Every answer of this kind that the story holds, the right one
            among them.
        moved: Whether the thing changed hands in the story, or the person went on from
            one place to another: then the last one counts.
    """

    kind: Kind
    text: str
    answer: str
    sentence: str
    candidates: tuple[str, ...]
    moved: bool = False

    @property
    def full_kind(self) -> str:
        """Its kind, and whether something moved: those are harder."""
        return f"{self.kind}, moved" if self.moved else self.kind

    @property
    def lead(self) -> str:
        """The whole answer up to the asked-for words: `The kite was`."""
        return self.sentence[: self.sentence.rindex(self.answer)].rstrip()


class Wording(NamedTuple):
    """How a kind of fact is asked for: `{key}` is named, `{value}` is asked for."""

    question: str
    lead: str
    """How a whole answer begins."""
    answer: str


WORDING: dict[Kind, Wording] = {
    "colour": Wording("What colour was the {key}?", "The {key} was", "{value}"),
    "owner": Wording("Who had the {key}?", "The {key} belonged to", "{value}"),
    "place": Wording("Where did {key} go{last}?", "{key} went to", "the {value}"),
    "wish": Wording("What did {key} want?", "{key} wanted", "to {value}"),
    "cause": Wording(
        "Why was {key} {feeling}?", "{key} was {feeling}", "because {value}"
    ),
}


def ask(world: World) -> list[StoryQuestion]:
    """Return every fair question about what a story has told."""
    questions = _about_things(world)
    if world.wishes:
        for person, wish in zip(world.people, world.wishes, strict=True):
            questions.append(_asked("wish", person, wish, world.wishes))
    last = " last" if world.somebody_went_on else ""
    places = dict.fromkeys(place for journey in world.journeys for place in journey)
    for person, journey in zip(world.people, world.journeys, strict=False):
        moved = len(journey) > 1
        questions.append(
            _asked("place", person, journey[-1], places, moved=moved, last=last)
        )
    if world.causes:
        feeling = world.feeling
        for person, cause in zip(world.people, world.causes, strict=True):
            asked = _asked("cause", person, cause, world.causes, feeling=feeling)
            questions.append(asked)
    return questions


def _about_things(world: World) -> list[StoryQuestion]:
    colours = [thing.colour for thing in world.things]
    questions = [_asked("colour", t, t.colour, colours) for t in world.things]
    asked = world.things
    if world.exchange == "share":  # one thing of each owner, the given one among them
        given = next(t for t in asked if t.moved)
        asked = [given, next(t for t in asked if t.owner is not given.owner)]
    for thing in asked:
        questions.append(
            _asked("owner", thing, thing.owner, world.people, moved=thing.moved)
        )
    return questions


def _asked(
    kind: Kind,
    key: object,
    value: object,
    candidates: Iterable[object],
    *,
    moved: bool = False,
    **gaps: str,
) -> StoryQuestion:
    question, lead, answer = WORDING[kind]
    said = answer.format(value=value)
    return StoryQuestion(
        kind,
        question.format(key=key, **gaps),
        said,
        f"{lead.format(key=key, **gaps)} {said}.",
        tuple(answer.format(value=candidate) for candidate in candidates),
        moved,
    )


CONVERSATIONS = (
    '"{question}" asked the {asker}. "{answer}" said the {teller}.',
    'The {asker} asked, "{question}" The {teller} said, "{answer}."',
    '"{question}" the {asker} wanted to know. "{answer}" said the {teller}.',
)
LISTENERS = ("owl", "fox", "mouse", "bear", "king", "queen", "hen", "frog")


def conversation(rng: Random, questions: list[StoryQuestion]) -> str:
    """Tell one question, or two of different kinds, the way a story would.

    Never two of one kind: who knows one of two answers can guess the other.
    """
    asker, teller = rng.sample(LISTENERS, 2)
    told: dict[str, str] = {}
    for question in rng.sample(questions, min(rng.choice((1, 1, 2)), len(questions))):
        form = rng.choice(CONVERSATIONS)
        said = question.sentence.removesuffix(".")
        if "{answer}." not in form:
            said += ","
        told.setdefault(
            question.kind,
            form.format(
                question=question.text, answer=said, asker=asker, teller=teller
            ),
        )
    return " ".join(told.values())


def guess_without_binding(
    story: str, question: StoryQuestion, strategy: Strategy, rng: Random | None = None
) -> str:
    """Answer with a word of the right kind, ignoring whom the question is about.

    Args:
        story: The text that is asked about.
        question: What is asked.
        strategy: Take the candidate named last, first, most often, or any.
        rng: For `uniform`, and to break ties.
    """
    rng = rng or Random(0)
    candidates = sorted(set(question.candidates))
    if strategy == "uniform":
        return rng.choice(candidates)
    places = {
        candidate: [m.start() for m in _occurrences(candidate, story)] or [-1]
        for candidate in candidates
    }
    if strategy == "recent":
        return max(candidates, key=lambda c: places[c][-1])
    if strategy == "first":
        return min(candidates, key=lambda c: places[c][0])
    return max(candidates, key=lambda c: (len(places[c]), rng.random()))


def _occurrences(candidate: str, story: str) -> Iterable[re.Match[str]]:
    # "because it began to rain" may stand in the story as "Then it began to rain".
    bare = candidate.removeprefix("because ")
    return re.finditer(rf"\b{re.escape(bare)}\b", story, re.IGNORECASE)


def baseline_scores(
    asked: Iterable[tuple[str, StoryQuestion]], seed: int = 0
) -> dict[Kind, dict[Strategy, float]]:
    """Score every strategy of `guess_without_binding` by exact match, for each kind.

    Args:
        asked: Stories with a question about each.
        seed: For the guesses that are drawn.
    """
    rng = Random(seed)
    right: dict[Kind, Counter[Strategy]] = defaultdict(Counter)
    number: Counter[Kind] = Counter()
    for story, question in asked:
        number[question.kind] += 1
        for strategy in STRATEGIES:
            guess = guess_without_binding(story, question, strategy, rng)
            right[question.kind][strategy] += guess == question.answer
    return {
        kind: {s: right[kind][s] / number[kind] for s in STRATEGIES}
        for kind in KINDS
        if number[kind]
    }
