"""What is served: one model by its name, and how requests become its tokens."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from minigpt.config import GenerationConfig
from minigpt.errors import DataError, MinigptError
from minigpt.generation.batch.draft import Draft, Hooks
from minigpt.generation.batch.together import numbered
from minigpt.generation.prompt import encode_prompt
from minigpt.interpret.interventions.interventions import fwd_hooks, read_ablation
from minigpt.interpret.interventions.parts import Edge, Token, require, require_heads
from minigpt.model import LanguageModel
from minigpt.serve.bodies import MessageBody, Writing
from minigpt.serve.engine import Engine
from minigpt.serve.errors import ApiError
from minigpt.serve.settings import ServeSettings
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.base import checked_text
from minigpt.tokenizers.chat import Message, encode_prompt_for_answer

TOO_LONG = "context_length_exceeded"


@dataclass(frozen=True)
class Served:
    """A model, and what a server allows its clients."""

    name: str
    model: LanguageModel
    tokenizer: Tokenizer
    settings: ServeSettings
    engine: Engine
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def window(self) -> int:
        """The longest text that the model reads, in tokens."""
        return self.model.config.max_seq_len

    @cached_property
    def longest_text(self) -> int:
        """More characters than this are more tokens than the model reads."""
        pieces = self.tokenizer.pieces(range(self.tokenizer.vocab_size))
        return self.window * max(map(len, pieces))

    def require(self, name: str) -> None:
        """Check that a request means this model.

        Raises:
            ApiError: If it does not.
        """
        if name != self.name:
            raise ApiError(
                404,
                f"There is no model {name!r:.80} here: this server has {self.name!r}.",
                "model",
                "model_not_found",
            )

    def tokens_of(self, item: str | list[int], param: str) -> list[int]:
        """Return a prompt's tokens.

        Raises:
            ApiError: If it is no text, too long, or has tokens that do not exist.
        """
        try:
            if isinstance(item, str):
                self._require_brevity(len(item), param)
                item, _ = encode_prompt(item, self.tokenizer, sys.maxsize)
            self.tokenizer.pieces(item)  # raises for a token that does not exist
        except DataError as error:
            raise ApiError(400, str(error), param) from None
        if len(item) > self.window:
            raise ApiError(
                400,
                f"The prompt is {len(item)} tokens long, and this model reads at most "
                f"{self.window}.",
                param,
                TOO_LONG,
            )
        return item

    def conversation(self, messages: Sequence[MessageBody]) -> list[int]:
        """Return the tokens of a conversation, up to where the answer begins.

        The template is the model's own: its tokens say who speaks.

        Raises:
            ApiError: If the model was not tuned to chat, or has no room for an answer.
        """
        try:
            said = [
                Message(
                    "system" if one.role == "developer" else one.role,
                    checked_text(one.content),
                )
                for one in messages
            ]
        except DataError as error:
            raise ApiError(400, str(error), "messages") from None
        if said[-1].role == "assistant":
            raise ApiError(
                400, "The last message must not be the assistant's.", "messages"
            )
        self._require_brevity(sum(len(one.content) for one in said), "messages")
        try:
            tokens = encode_prompt_for_answer(said, self.tokenizer)
        except DataError as error:
            raise ApiError(400, str(error), "messages", "no_chat_template") from None
        if len(tokens) >= self.window:
            raise ApiError(
                400,
                f"The conversation is {len(tokens)} tokens long, and this model reads "
                f"at most {self.window}, its answer included.",
                "messages",
                TOO_LONG,
            )
        return tokens

    def _require_brevity(self, characters: int, param: str) -> None:
        """Refuse what cannot fit before it costs the time to be encoded."""
        if characters > self.longest_text:
            raise ApiError(
                400,
                f"{characters:,} characters are more than the {self.window} tokens "
                "that this model reads.",
                param,
                TOO_LONG,
            )

    def require_count(self, texts: int, param: str) -> None:
        """Check how many texts a request is about, before any is read.

        Raises:
            ApiError: If they are more than this server allows.
        """
        most = self.settings.max_choices
        if texts > most:
            text = f"These are {texts} texts, and one request has at most {most}."
            raise ApiError(400, text, param)

    def require_length(self, max_tokens: int) -> None:
        """Check how long a text may become.

        Raises:
            ApiError: If it is longer than this server writes.
        """
        most = self.settings.max_tokens
        if max_tokens > most:
            text = f"max_tokens is {max_tokens}: this server writes at most {most}."
            raise ApiError(400, text, "max_tokens")

    def drafts(
        self,
        body: Writing,
        prompts: Sequence[list[int]],
        max_tokens: int,
        num_likeliest: int,
    ) -> list[Draft]:
        """Return what a request wants to have written: n texts for each prompt.

        Raises:
            ApiError: If the model lacks what the request would ablate.
        """
        config = _config(body, max_tokens)
        hooks = self.interventions(body.interventions)
        return [
            Draft(
                prompt,
                numbered(config, sample),
                self.tokenizer,
                body.stop,
                num_likeliest,
                hooks,
            )
            for prompt in prompts
            for sample in range(body.n)
        ]

    def interventions(self, texts: Sequence[str], length: int | None = None) -> Hooks:
        """Read what to ablate; while a text grows, only parts that have no place in it.

        Args:
            texts: An ablation each.
            length: Tokens of the text that is complete (none: one that grows).

        Raises:
            ApiError: If the model, or the text, has no such part.
        """
        try:
            if texts:
                require_heads(self.model)
            return [hook for text in texts for hook in self._hooks(text, length)]
        except MinigptError as error:
            raise ApiError(400, str(error), "interventions") from None

    def _hooks(self, text: str, length: int | None) -> list[Any]:
        ablation = read_ablation(text)
        if length is None and isinstance(ablation.part, Edge | Token):
            raise DataError(
                f"{ablation.part} is a place in a text that is complete: ask "
                "/v1/activations, or ablate a head, attention or an MLP."
            )
        require(ablation.part, self.model.config, length)  # type: ignore[arg-type]
        return fwd_hooks(self.model, [ablation])  # type: ignore[arg-type]


def _config(body: Writing, max_tokens: int) -> GenerationConfig:
    return GenerationConfig(
        strategy="sampling",
        max_new_tokens=max_tokens,
        temperature=float(body.temperature),
        top_p=None if body.top_p == 1 else body.top_p,
        top_k=body.top_k,
        min_p=body.min_p,
        repetition_penalty=float(body.repetition_penalty),
        stop_at_eos=not body.ignore_eos,
        seed=None if body.seed is None else body.seed % 2**63,
    )
