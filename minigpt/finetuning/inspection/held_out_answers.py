"""Held-out questions one by one: the base's answer and the fine-tuned model's.

`measuring` counts; here every answer is kept with its question, so that each can be
read.
"""

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.datasets.conversations import Conversation
from minigpt.datasets.tales.instructions import Asked, questions
from minigpt.datasets.tales.questions import baseline_scores
from minigpt.finetuning.answering import reply
from minigpt.finetuning.measuring import SEED, ExactMatch, Score, answer
from minigpt.finetuning.supervised import fits

ROOM = 16
"""Tokens that stay free for an answer."""


class Answered(NamedTuple):
    """One question about a story, with both models' answers."""

    asked: Asked
    base: str
    tuned: str

    @property
    def base_is_right(self) -> bool:
        """Whether the base's answer is right, word for word."""
        return self.asked.is_answered_by(self.base)

    @property
    def tuned_is_right(self) -> bool:
        """Whether the fine-tuned model's is."""
        return self.asked.is_answered_by(self.tuned)


def held_out_questions(tuned: Checkpoint, base: Checkpoint, number: int) -> list[Asked]:
    """Write the first questions about stories of held-out worlds.

    Args:
        tuned: Knows the chat tokens.
        base: What it was fine-tuned from.
        number: How many.

    Raises:
        DataError: If no story is short enough for both.
    """
    window = min(who.model.config.max_seq_len for who in (tuned, base))
    is_short = fits(tuned.tokenizer, window - ROOM)
    return list(islice(questions(SEED, "held_out", is_short), number))


def ask_both(tuned: Checkpoint, base: Checkpoint, asked: Asked) -> Answered:
    """Ask both models one question, each in its own way.

    Args:
        tuned: Is asked in a chat.
        base: Is asked as a character of a story asks, if it knows no turns.
        asked: The question.
    """
    return Answered(asked, answer(base, asked), answer(tuned, asked))


def reply_both(
    tuned: Checkpoint, base: Checkpoint, conversation: Conversation
) -> tuple[str, str]:
    """Return what both models, the base first, answer in a conversation of one's own.

    Args:
        tuned: A model with chat tokens.
        base: Another; with chat tokens too.
        conversation: Its last answer is left out.
    """
    said = (
        reply(who.model, who.tokenizer, conversation.prompt).strip()
        for who in (base, tuned)
    )
    first, second = said
    return first, second


def by_kind(
    answered: Sequence[Answered], asked: Sequence[Asked] = ()
) -> list[ExactMatch]:
    """Count right answers by kind, beside those of guessing without the story.

    Args:
        answered: Questions with both answers.
        asked: More questions, to measure not reading on: of a few, the luckiest way of
            guessing gets most.
    """
    every = [*asked] or [each.asked for each in answered]
    guesses = baseline_scores((one.story, one.question) for one in every)
    kinds = sorted({each.asked.question.kind for each in answered})
    found = []
    for kind in kinds:
        part = [each for each in answered if each.asked.question.kind == kind]
        found.append(
            ExactMatch(
                kind,
                Score(sum(each.tuned_is_right for each in part), len(part)),
                Score(sum(each.base_is_right for each in part), len(part)),
                max(guesses[kind].values()),
            )
        )
    return found
