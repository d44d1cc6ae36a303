"""A story to talk about: short enough for a model, with questions and their answers.

The stories are of held-out worlds, so whoever answers right has read, not remembered.
Next: `conversation_tokens` of `minigpt.finetuning` puts story and question into a
model's window.
"""

from collections.abc import Callable
from random import Random

from minigpt.datasets.tales.instructions import CONTINUE, LIST, WRITE, Asked
from minigpt.datasets.tales.story import Story, write_story

_TRIES = 300


def story_to_talk_about(number: int, fits: Callable[[str], bool]) -> Story | None:
    """Return one of many held-out stories; the same for the same number.

    Args:
        number: Which one.
        fits: Whether a text is short enough.

    Returns:
        The first of some hundred that fits; None if none does.
    """
    rng = Random(f"tales talk {number}")
    for _ in range(_TRIES):
        story = write_story(rng, "held_out")
        if fits(story.text):
            return story
    return None


def suggestions(story: Story | None, text: str) -> list[str]:
    """Return things to say: questions about a story, one of each kind, and tasks.

    Args:
        story: The built-in story that was offered.
        text: What is talked about: that story, whose end is told and which cannot go
            on; or another, of which no question is known; or nothing, then a story is
            asked for.
    """
    if not text:
        return [form.format(person="Mia", thing="kite") for form in WRITE[:2]]
    if story is None or text != story.text:
        return [LIST[0], CONTINUE[0]]
    asked: dict[str, str] = {}
    for question in story.questions:
        asked.setdefault(question.kind, question.text)
    return [*asked.values(), LIST[0]]


def known_question(story: Story | None, text: str) -> Asked | None:
    """Return a question with its right answer, if a text is one about this story."""
    if story is None:
        return None
    said = text.strip()
    return next(
        (Asked(story.text, each) for each in story.questions if each.text == said), None
    )


def words_of_fact(asked: Asked) -> str:
    """Return the right answer as the story spells it.

    A cause is told without its "because": "Then it began to rain."
    """
    return asked.question.answer.removeprefix("because ")
