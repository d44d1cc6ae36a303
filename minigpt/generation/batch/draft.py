"""A draft: one text that is being written, and all that is its own.

Its tokens, its dice, its stop texts. Nothing in it depends on who else is written in
the same step.
"""

from collections.abc import Sequence
from typing import NamedTuple

from minigpt.config import GenerationConfig
from minigpt.errors import ConfigError
from minigpt.generation.result import Generation, StopReason
from minigpt.generation.sample import new_dice
from minigpt.generation.stops import before_stop, without_beginnings
from minigpt.generation.text import TextWriter
from minigpt.hooks import HookFunction, NamesFilter
from minigpt.tokenizers import Tokenizer

Hooks = Sequence[tuple[NamesFilter, HookFunction]]


class Choice(NamedTuple):
    """One token that was chosen."""

    token: int
    log_prob: float
    """ln p of the token in the model's own distribution, before any filter."""
    likeliest: list[tuple[int, float]]
    """The likeliest tokens and their ln p, as many as the draft asks for."""


class Draft:
    """A text to be written.

    Args:
        prompt_tokens: What it continues: at least one, at most `max_seq_len`.
        config: How its tokens are chosen; beam search is not for drafts.
        tokenizer: The model's.
        stop: Texts that end it; they do not appear in it.
        num_likeliest: How many of the likeliest tokens each choice names.
        hooks: What changes the model while it writes this text (see
            `minigpt.hooks`), and no other.

    Raises:
        ConfigError: If the strategy is beam search.
    """

    def __init__(
        self,
        prompt_tokens: Sequence[int],
        config: GenerationConfig,
        tokenizer: Tokenizer,
        stop: Sequence[str] = (),
        num_likeliest: int = 0,
        hooks: Hooks = (),
    ) -> None:
        if config.strategy == "beam":
            raise ConfigError(
                "Beam search finds a text as a whole and shares no steps: use "
                "generate, or choose strategy greedy or sampling."
            )
        self.prompt_tokens, self.config = list(prompt_tokens), config
        self.stop, self.num_likeliest, self.hooks = tuple(stop), num_likeliest, hooks
        self.dice, self.seed = new_dice(config.seed)
        self.choices: list[Choice] = []
        self.offsets: list[int] = []
        """Where in the written text each token begins, in characters."""
        self.forgot = 0
        """Tokens at the beginning that the model no longer sees."""
        self.stop_reason: StopReason | None = None
        """Why it is complete; None while it is written."""
        self.text = ""
        """What is written and need never be taken back; all of it, once complete."""
        self._tokenizer = tokenizer
        self._writer = TextWriter(tokenizer, self.prompt_tokens)
        self._length = 0  # of what is written, in characters
        self._eos_id = tokenizer.eos_id if config.stop_at_eos else None

    @property
    def is_done(self) -> bool:
        """Whether nothing more will come."""
        return self.stop_reason is not None

    @property
    def tokens(self) -> list[int]:
        """The prompt and what was written so far."""
        return self.prompt_tokens + self._writer.tokens

    @property
    def newest(self) -> int:
        """The last token so far."""
        return (self._writer.tokens or self.prompt_tokens)[-1]

    @property
    def total_length(self) -> int:
        """How long it may become, in tokens, the prompt included."""
        return len(self.prompt_tokens) + self.config.max_new_tokens

    def add(self, choice: Choice) -> None:
        """Write one more token, and see whether it is the last.

        The reason comes last: whoever sees it, in another thread, has all of the text.
        """
        self.offsets.append(self._length)
        self.choices.append(choice)
        written = self._writer.add(choice.token)
        self._length = len(written)
        reason = self._reason(choice, written)
        if reason is None:
            self.text = without_beginnings(written, self.stop)
        else:
            self.text = before_stop(self._writer.finish(), self.stop)
        self.stop_reason = reason

    def _reason(self, choice: Choice, written: str) -> StopReason | None:
        if choice.token == self._eos_id:
            return "eos"
        if any(word in written for word in self.stop):
            return "stop"
        is_long = len(self.choices) >= self.config.max_new_tokens
        return "length" if is_long else None

    def result(self, prompt: str = "", warnings: Sequence[str] = ()) -> Generation:
        """Return what was written, once it is complete.

        Args:
            prompt: The text of the prompt's tokens.
            warnings: What the tokenizer did not know of it.
        """
        return Generation(
            prompt=prompt,
            prompt_tokens=self.prompt_tokens,
            text=self.text,
            tokens=self._writer.tokens,
            pieces=self._tokenizer.pieces(self._writer.tokens),
            log_probs=[choice.log_prob for choice in self.choices],
            stop_reason=self.stop_reason or "length",
            warnings=list(warnings),
            forgot=self.forgot,
            seed=self.seed,
        )
