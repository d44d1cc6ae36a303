"""Held-out questions one by one: what the base answers, and what the tuned model does.

`measuring` counts; here every answer is kept with its question, so that each can be
read. The base is asked twice. On the *same chat tokens* as the tuned model, it shows
what fine-tuning taught; asked *as a story asks*, it shows what it knew before.
"""

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig
from minigpt.datasets.conversations import Conversation
from minigpt.datasets.tales.instructions import Asked, questions
from minigpt.datasets.tales.questions import baseline_scores
from minigpt.datasets.tales.words import Split
from minigpt.finetuning.answering import Answer, reply
from minigpt.finetuning.conversation_tokens import CLOSED, read_as_a_story
from minigpt.finetuning.measuring import SEED
from minigpt.finetuning.supervised import fits
from minigpt.tokenizers import Tokenizer

ROOM = 16
"""Tokens that stay free for an answer."""

SHORT = GenerationConfig(strategy="greedy", max_new_tokens=24)
"""Long enough for every right answer; a base that rambles on is cut short."""


class Answered(NamedTuple):
    """One question about a story, with three answers."""

    asked: Asked
    base: str
    """The base's, on the same chat tokens as the fine-tuned model."""
    story: str
    """The base's, asked as a character of a story asks."""
    tuned: str

    @property
    def base_is_right(self) -> bool:
        """Whether the base is right on the same tokens, word for word."""
        return self.asked.is_answered_by(self.base)

    @property
    def story_is_right(self) -> bool:
        """Whether the base is right when it is asked as in a story."""
        return self.asked.is_answered_by(self.story)

    @property
    def tuned_is_right(self) -> bool:
        """Whether the fine-tuned model's is."""
        return self.asked.is_answered_by(self.tuned)


class Right(NamedTuple):
    """How many of some questions were answered right, word for word."""

    kind: str
    number: int
    base: int
    story: int
    tuned: int
    without_reading: float
    """The share that the best way of guessing without the question gets right."""


class OwnAnswer(NamedTuple):
    """One conversation of a file, with two answers."""

    conversation: Conversation
    base: str
    tuned: str

    def is_right(self, said: str) -> bool:
        """Whether an answer is the file's, word for word."""
        return said == self.conversation.answer.strip()


def held_out_questions(
    tuned: Checkpoint, base: Checkpoint, number: int, split: Split = "held_out"
) -> list[Asked]:
    """Write the first questions about stories that neither model has read.

    Args:
        tuned: Knows the chat tokens.
        base: What it was fine-tuned from.
        number: How many.
        split: `held_out`, in words that both know; or `new`, about people, things and
            places that no training text has named.

    Raises:
        DataError: If no story is short enough for both.
    """
    window = min(who.model.config.max_seq_len for who in (tuned, base))
    is_short = fits(tuned.tokenizer, window - ROOM)
    return list(islice(questions(SEED, split, is_short), number))


def ask_both(tuned: Checkpoint, base: Checkpoint, asked: Asked) -> Answered:
    """Ask both models one question on the same tokens, and the base as a story too.

    Args:
        tuned: A model with chat tokens.
        base: What it was fine-tuned from; with chat tokens, even if it never met them.
        asked: The question.
    """
    model, tokenizer, _ = base
    read = read_as_a_story(asked.story, asked.question.text, tokenizer)
    return Answered(
        asked,
        reply(model, tokenizer, asked.prompt, SHORT),
        Answer(model, tokenizer, read, SHORT, CLOSED).text_in_full(),
        reply(tuned.model, tuned.tokenizer, asked.prompt, SHORT),
    )


def reply_both(
    tuned: Checkpoint, base: Checkpoint, conversation: Conversation
) -> OwnAnswer:
    """Ask both models for the last answer in a conversation of one's own.

    Args:
        tuned: A model with chat tokens.
        base: Another; with chat tokens too.
        conversation: Its last answer is left out.
    """
    first, second = (
        reply(
            who.model,
            who.tokenizer,
            conversation.prompt,
            long_enough(conversation, who.tokenizer),
        ).strip()
        for who in (base, tuned)
    )
    return OwnAnswer(conversation, first, second)


def long_enough(conversation: Conversation, tokenizer: Tokenizer) -> GenerationConfig:
    """Return greedy decoding that stops a little after the right answer's length.

    An answer that is longer is wrong whatever follows.
    """
    length = len(tokenizer.encode(conversation.answer)) + ROOM // 2
    return SHORT.replace(max_new_tokens=length)


def by_kind(answered: Sequence[Answered], asked: Sequence[Asked] = ()) -> list[Right]:
    """Count right answers by kind, beside those of guessing without the question.

    Args:
        answered: Questions with their answers.
        asked: More questions, to measure not reading on: of a few, the luckiest way of
            guessing gets most.
    """
    every = [*asked] or [each.asked for each in answered]
    guesses = baseline_scores((one.story, one.question) for one in every)
    kinds = sorted({each.asked.question.kind for each in answered})
    return [
        count_right(
            [each for each in answered if each.asked.question.kind == kind],
            kind,
            max(guesses[kind].values()),
        )
        for kind in kinds
    ]


def count_right(
    answered: Sequence[Answered], kind: str = "all", without_reading: float = 0.0
) -> Right:
    """Count the right answers to some questions."""
    return Right(
        kind,
        len(answered),
        sum(each.base_is_right for each in answered),
        sum(each.story_is_right for each in answered),
        sum(each.tuned_is_right for each in answered),
        without_reading,
    )
