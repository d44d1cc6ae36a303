"""The prompts that the Head explorer asks about: the one on the screen, then others."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.scores import HeadScores
from minigpt.interpret.reading.prompt import Reading
from pages.frame import corpora
from pages.frame.reading import place_in, read_other, shuffled_places
from pages.frame.words import within
from pages.head_explorer import study


class Text(NamedTuple):
    """A prompt that can be asked about."""

    reading: Reading
    prompt: str | None = None
    """None: the one on the screen."""

    @property
    def where(self) -> str:
        """How a question about another prompt begins."""
        return within(self.prompt)

    def at(self, **place: Any) -> dict[str, Any]:
        """Return the session state that shows a place of this prompt."""
        return place_in(self.prompt, **place)

    def scores(self, checkpoint: Checkpoint) -> HeadScores:
        """Score every head on it."""
        return study.scores_on_prompt(checkpoint, self.reading)

    def heads(self) -> list[tuple[int, int]]:
        """Return every head, shuffled the same way each time."""
        layers, heads = self.reading.patterns.shape[:2]
        places = shuffled_places(range(layers), range(heads))
        return [(layer, head) for layer, head in places]


def texts(checkpoint: Checkpoint, reading: Reading) -> Iterator[Text]:
    """Yield the prompt on the screen, then texts that the model did not learn from."""
    yield Text(reading)
    for prompt, _ in corpora.other_prompts(checkpoint):
        yield Text(read_other(checkpoint, prompt), prompt)
