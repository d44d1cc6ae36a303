"""Does the chat template matter? The same words, with the tokens that mark who speaks.

A tuned model has mostly seen stories, so without the template it may go on with the
story, or even answer all the same. Where the template matters can only be searched for.
"""

import re
from typing import Literal, NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig
from minigpt.datasets.tales.instructions import Asked
from minigpt.datasets.tales.story import Story
from minigpt.finetuning.answering import Answer
from minigpt.finetuning.conversation_tokens import Turn, messages_of, read_tokens

Verdict = Literal["right", "wrong", "none"]
"""Of the answers that the story holds, a text names the right one first, or another
one, or none at all."""

SHORT = GenerationConfig(strategy="greedy", max_new_tokens=16)


class TemplateEffect(NamedTuple):
    """What one question gets with the template, and without."""

    asked: Asked
    told: str
    """What the model writes with the template."""
    untold: str
    """What it writes without."""

    @property
    def matters(self) -> bool:
        """Whether the template is what makes the answer right."""
        with_it, without = (verdict(self.asked, text) for text in self[1:])
        return with_it == "right" != without


def verdict(asked: Asked, text: str) -> Verdict:
    """Say which of the answers that a story holds a text names first."""
    answers = asked.question.candidates
    found = {answer: _first(answer, text) for answer in answers}
    named = [answer for answer in answers if found[answer] >= 0]
    if not named:
        return "none"
    first = min(named, key=found.__getitem__)
    return "right" if first == asked.question.answer else "wrong"


def _first(answer: str, text: str) -> int:
    match = re.search(rf"\b{re.escape(answer)}\b", text, re.IGNORECASE)
    return match.start() if match else -1


def template_effect(who: Checkpoint, asked: Asked) -> TemplateEffect | None:
    """Ask one question with the template and without; None where there is no room."""
    model, tokenizer, _ = who
    messages = messages_of(asked.story, [Turn(asked.question.text)])
    texts = []
    for template in (True, False):
        read = [
            each.token for each in read_tokens(messages, tokenizer, template=template)
        ]
        if len(read) + SHORT.max_new_tokens > model.config.max_seq_len:
            return None
        texts.append(Answer(model, tokenizer, read, SHORT).text_in_full())
    return TemplateEffect(asked, *texts)


def first_effect(who: Checkpoint, story: Story) -> TemplateEffect | None:
    """Return the first question of a story that the template makes right.

    None, where there is no such question.
    """
    for question in story.questions:
        found = template_effect(who, Asked(story.text, question))
        if found is not None and found.matters:
            return found
    return None
