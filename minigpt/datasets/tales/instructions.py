"""What tales can be told to do: instructions with their answers, and pairs of answers.

- *ask*: a question about a story. Every answer is a fact of that story, so a model's
  reading can be measured, and the answer is written bare (`Mia.`) or as a sentence.
- *list*: who is in the story.
- *continue*: the rest of a story.
- *write*: a story about somebody and something.

Training and held-out examples come from different worlds (see `words`).
"""

from collections.abc import Callable, Iterator
from itertools import count
from random import Random
from typing import Literal, NamedTuple

from minigpt.datasets.conversations import Conversation, Preference, instruction_prompt
from minigpt.datasets.tales.mentions import sentences
from minigpt.datasets.tales.phrases import ENDING, FRIENDSHIP
from minigpt.datasets.tales.questions import StoryQuestion
from minigpt.datasets.tales.story import Story, write_story
from minigpt.datasets.tales.words import Split
from minigpt.tokenizers.chat import Message

Task = Literal["ask", "list", "continue", "write"]
TASKS: tuple[Task, ...] = ("ask", "list", "continue", "write")
SHARES = (0.7, 0.1, 0.1, 0.1)
"""How many examples are of each task: reading is what takes practice."""

WRITE = (
    "Write a story about {person} and a {thing}.",
    "Tell me a story about {person} and a {thing}.",
    "I would like a story about {person} and a {thing}.",
)
CONTINUE = ("Continue the story.", "Go on with the story.", "What happened then?")
LIST = ("Who is in the story?", "List who is in the story.")

OTHER_ENDINGS = tuple(form for form in ENDING if form not in FRIENDSHIP)

Fits = Callable[[Conversation], bool]
"""Whether a conversation is short enough for a model."""


class Asked(NamedTuple):
    """A question about a story, as it is put to a model."""

    story: str
    question: StoryQuestion

    @property
    def prompt(self) -> tuple[Message, ...]:
        """The question as a user asks it."""
        return instruction_prompt(self.question.text, self.story)

    @property
    def bare(self) -> str:
        """The shortest right answer, as `Mia.` is."""
        return f"{self.question.answer}."

    def sentence(self, answer: str) -> str:
        """A whole sentence that gives an answer, right or wrong."""
        return f"{self.question.lead} {answer}."

    def is_answered_by(self, text: str) -> bool:
        """Whether a text is the right answer, bare or as a sentence, word for word."""
        said = text.strip().removesuffix(".")
        right = (self.question.answer, self.question.sentence.removesuffix("."))
        return said in right


def instructions(
    seed: int, split: Split = "train", fits: Fits = lambda _: True
) -> Iterator[Conversation]:
    """Write examples of all tasks, without end; the same for the same seed.

    Args:
        seed: Which ones.
        split: From which worlds.
        fits: Examples it refuses are left out.
    """
    rng = Random(f"tales instructions {split} {seed}")
    while True:
        task = rng.choices(TASKS, SHARES)[0]
        example = _WRITERS[task](rng, write_story(rng, split))
        if fits(example):
            yield example


def questions(
    seed: int, split: Split = "held_out", fits: Fits = lambda _: True
) -> Iterator[Asked]:
    """Write stories with one question each, without end.

    Args:
        seed: Which ones.
        split: From which worlds.
        fits: Refuses what, with the longest right answer, is too long.
    """
    rng = Random(f"tales questions {split} {seed}")
    while True:
        story = write_story(rng, split)
        asked = Asked(story.text, rng.choice(story.questions))
        if fits(_answered(asked, asked.question.sentence)):
            yield asked


def preferences(
    seed: int, split: Split = "train", fits: Fits = lambda _: True
) -> Iterator[Preference]:
    """Write pairs of answers to questions, without end.

    They take turns: *truth* prefers the right answer to a wrong one of the same kind,
    *style* a whole sentence to the bare answer, both of them right, and *ending* a
    story that ends with a friend to one that ends in any other way.

    Args:
        seed: Which ones.
        split: From which worlds.
        fits: Refuses what, with an answer, is too long.
    """
    rng = Random(f"tales preferences {split} {seed}")
    asked = questions(seed, split, fits)
    sources = (
        (_truth(rng, next(asked)) for _ in count()),
        (_style(next(asked)) for _ in count()),
        (_ending(rng, write_story(rng, split)) for _ in count()),
    )
    while True:
        for source in sources:
            yield next(pair for pair in source if all(map(fits, pair.answers)))


def _truth(rng: Random, asked: Asked) -> Preference:
    others = sorted(set(asked.question.candidates) - {asked.question.answer})
    wrong = asked.sentence(rng.choice(others))
    return Preference(asked.prompt, asked.question.sentence, wrong, "truth")


def _style(asked: Asked) -> Preference:
    return Preference(asked.prompt, asked.question.sentence, asked.bare, "style")


def _ending(rng: Random, story: Story) -> Preference:
    *told, _ = sentences(story.text)
    a, b = rng.sample(_people(story), 2)
    wished, other = (
        rng.choice(forms).format(a=a, b=b) for forms in (FRIENDSHIP, OTHER_ENDINGS)
    )
    prompt = instruction_prompt(rng.choice(CONTINUE), " ".join(told))
    return Preference(prompt, wished, other, "ending")


def _answered(asked: Asked, answer: str) -> Conversation:
    return Conversation((*asked.prompt, Message("assistant", answer)))


def _ask(rng: Random, story: Story) -> Conversation:
    """Ask about a story; each kind of question that it has comes as often as another.

    A story has a colour for each of its things and perhaps one journey, which is harder
    and takes as much practice.
    """
    kind = rng.choice(sorted({question.full_kind for question in story.questions}))
    of_kind = [each for each in story.questions if each.full_kind == kind]
    asked = Asked(story.text, rng.choice(of_kind))
    return _answered(asked, rng.choice((asked.bare, asked.question.sentence)))


def _list(rng: Random, story: Story) -> Conversation:
    *first, last = _people(story)
    answer = Message("assistant", f"{', '.join(first)} and {last}.")
    return Conversation((*instruction_prompt(rng.choice(LIST), story.text), answer))


def _continue(rng: Random, story: Story) -> Conversation:
    parts = sentences(story.text)
    cut = rng.randint(2, len(parts) - 1)
    prompt = instruction_prompt(rng.choice(CONTINUE), " ".join(parts[:cut]))
    return Conversation((*prompt, Message("assistant", " ".join(parts[cut:]))))


def _write(rng: Random, story: Story) -> Conversation:
    thing = next(fact.subject for fact in story.facts if fact.kind == "colour")
    words = rng.choice(WRITE).format(person=_people(story)[0], thing=thing)
    answer = Message("assistant", story.text)
    return Conversation((*instruction_prompt(words), answer))


def _people(story: Story) -> list[str]:
    """Return everyone in a story, in the order in which they come."""
    names = next(q.candidates for q in story.questions if q.kind == "owner")
    return sorted(names, key=story.text.index)


_WRITERS: dict[Task, Callable[[Random, Story], Conversation]] = {
    "ask": _ask,
    "list": _list,
    "continue": _continue,
    "write": _write,
}
