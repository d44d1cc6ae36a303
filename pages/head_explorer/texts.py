"""The prompts that the Head explorer asks about: the one on the screen, then others."""

import random
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.scores import HeadScores
from minigpt.interpret.reading.prompt import Reading, read_prompt
from pages.frame import corpora
from pages.frame.words import plain
from pages.head_explorer import study


class Text(NamedTuple):
    """A prompt that can be asked about."""

    reading: Reading
    prompt: str | None = None
    """None: the one on the screen."""

    @property
    def where(self) -> str:
        """How a question about another prompt begins."""
        return "" if self.prompt is None else f"In “{plain(self.prompt)}”: "

    def at(self, **place: Any) -> dict[str, Any]:
        """Return the session state that shows a place of this prompt."""
        return place if self.prompt is None else {"prompt": self.prompt, **place}

    def scores(self, checkpoint: Checkpoint) -> HeadScores:
        """Score every head on it."""
        return study.scores_of(checkpoint.model, (tuple(self.reading.tokens),))

    def heads(self) -> list[tuple[int, int]]:
        """Return every head, shuffled the same way each time."""
        layers, heads = self.reading.patterns.shape[:2]
        found = list(product(range(layers), range(heads)))
        random.Random(len(found)).shuffle(found)
        return found


def texts(checkpoint: Checkpoint, reading: Reading) -> Iterator[Text]:
    """Yield the prompt on the screen, then texts that the model did not learn from."""
    yield Text(reading)
    for prompt in corpora.other_prompts(checkpoint):
        yield Text(read_prompt(checkpoint.model, checkpoint.tokenizer, prompt), prompt)
