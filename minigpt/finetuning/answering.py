"""A fine-tuned model's answer to a conversation, token by token or as a text.

Generation is `minigpt.generation`'s; only the prompt is another: it holds tokens that
no text contains, so it is given as tokens.
"""

import math
from collections.abc import Sequence
from typing import Literal

from minigpt.config import GenerationConfig
from minigpt.errors import DataError
from minigpt.generation.sample import Sampler
from minigpt.generation.text import TextWriter
from minigpt.model import LanguageModel
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.chat import Message, encode_prompt_for_answer

GREEDY = GenerationConfig(strategy="greedy", max_new_tokens=64)
"""The likeliest answer: what is measured."""

Ending = Literal["eos", "length", "window", "stopped"]
"""Why an answer goes no further: its own end, `max_new_tokens`, no room, the reader."""


class Answer:
    """One answer being written. Any number may be, with one model, at once.

    Args:
        model: In evaluation mode.
        tokenizer: Its own.
        read: The tokens it answers to.
        config: How it chooses; beam search is not for conversations.
        until: A mark that ends the answer and is no part of it (none: there is none).

    Raises:
        DataError: If there is nothing to read, or the window has no room for an answer.
    """

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: Tokenizer,
        read: Sequence[int],
        config: GenerationConfig = GREEDY,
        until: str | None = None,
    ) -> None:
        limit = model.config.max_seq_len
        if not read:
            raise DataError("There is nothing to answer: write something first.")
        if len(read) >= limit:
            raise DataError(
                f"The conversation is {len(read)} tokens long, and this model reads at "
                f"most max_seq_len = {limit}, its answer included: shorten the story "
                "or the question, or leave out the oldest turns."
            )
        room = limit - len(read)
        self.model, self.read = model, list(read)
        self.tokens: list[int] = []
        self.log_probs: list[float] = []
        """ln p of each token in the model's own distribution, before any filter."""
        self.text = ""
        self.ending: Ending | None = None
        self._at_most: Ending = "window" if room < config.max_new_tokens else "length"
        config = config.replace(max_new_tokens=min(room, config.max_new_tokens))
        end = tokenizer.eos_id if config.stop_at_eos else None
        self._sampler: Sampler | None = Sampler(model, read, config, end)
        self._writer, self._until = TextWriter(tokenizer, read), until

    @property
    def probability(self) -> float:
        """How likely the model was to write exactly this: p of its tokens, multiplied.

        p(answer) = Π p(token | all before it) = exp Σ ln p(token)
        """
        return math.exp(sum(self.log_probs))

    @property
    def is_done(self) -> bool:
        """Whether nothing more will come."""
        return self.ending is not None

    def write(self) -> None:
        """Write one more token.

        Raises:
            CheckpointError: If the model's scores are not numbers; the answer ends.
        """
        # What is finished lets its cache go: a conversation is kept for long.
        sampler, self._sampler = self._sampler, None
        if sampler is None:
            return
        self.ending = "stopped"  # unless all goes well
        drawn = sampler.draw()
        token = drawn.token
        self.tokens.append(token)
        self.log_probs.append(drawn.log_prob)
        text = self._writer.add(token)
        self.ending = self._reason(sampler)
        self.text = (self._writer.finish() if self.is_done else text).strip()
        if self._until is not None and self._until in text:
            self.ending = "eos"
            self.text = text.partition(self._until)[0].strip().removesuffix(",")
        if not self.is_done:
            self._sampler = sampler

    def stop(self) -> None:
        """Write no further."""
        self.ending = self.ending or "stopped"
        self._sampler = None

    def _reason(self, sampler: Sampler) -> Ending | None:
        if not sampler.is_done:
            return None
        return "eos" if sampler.has_ended else self._at_most

    def text_in_full(self) -> str:
        """Write to the end, and return all of it; errors as for `write`."""
        while not self.is_done:
            self.write()
        return self.text


def reply(
    model: LanguageModel,
    tokenizer: Tokenizer,
    messages: Sequence[Message],
    config: GenerationConfig = GREEDY,
) -> str:
    """Return the assistant's answer.

    Args:
        model: In evaluation mode; an adapter need not be merged.
        tokenizer: Its tokenizer, with chat tokens.
        messages: The conversation so far; the last word is the user's.
        config: How to choose tokens. Beam search is not for conversations.

    Raises:
        DataError: If the conversation leaves no room for an answer, or the tokenizer
            has no chat tokens.
    """
    read = encode_prompt_for_answer(messages, tokenizer)
    return Answer(model, tokenizer, read, config).text_in_full()
