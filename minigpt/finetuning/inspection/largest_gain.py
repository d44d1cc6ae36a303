"""The example whose answer gained most probability by a fine-tuning.

The loss of one example is a mean over its tokens. Here their sum counts, because it is
the probability of the whole answer: ln p(answer) = Σ ln p(token).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.datasets.conversations import Conversation
from minigpt.finetuning.supervised import learned_tokens


class Gain(NamedTuple):
    """What became of one answer."""

    number: int
    """Which of the examples, counted from 0."""
    before: float
    """ln p(answer) of the base, in nats."""
    after: float
    """ln p(answer) of the fine-tuned model."""

    @property
    def nats(self) -> float:
        """How much likelier: ln of the two probabilities' ratio."""
        return self.after - self.before

    @property
    def rise(self) -> float:
        """How much more probable: the two probabilities' difference.

        A long text can become e^60 times likelier and still never be written.
        """
        return math.exp(self.after) - math.exp(self.before)


def largest_gain(
    before: Checkpoint, after: Checkpoint, examples: Sequence[Conversation]
) -> Gain:
    """Return which of some examples gained most.

    Args:
        before: The base; it knows the chat tokens.
        after: The fine-tuned model.
        examples: At least one.
    """
    gains = [
        Gain(number, answer_log_prob(before, each), answer_log_prob(after, each))
        for number, each in enumerate(examples)
    ]
    return max(gains, key=lambda gain: gain.rise)


def answer_log_prob(who: Checkpoint, conversation: Conversation) -> float:
    """Return ln p of a conversation's answers, in nats."""
    tokens = learned_tokens(who.model, who.tokenizer, conversation)
    return -sum(token.loss for token in tokens if token.is_learned)
