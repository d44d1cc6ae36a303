"""Greedy decoding and sampling: one token after the other.

    tokens ─ model and cache ─ logits ─ filters ─ filtered logits ─ draw ─ next token

`next_token` is this whole step; a `Sampler` repeats it until the text ends. Unlike in
beam search (`beam`), a token is never taken back.

Everything that belongs to one text (its cache, its random generator, its tokens) lives
in its own `Sampler`, so any number of threads may share one model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.config import GenerationConfig
from minigpt.generation.fast_choice import can_draw_fast, draw_fast
from minigpt.generation.filters import apply_filters, is_greedy
from minigpt.generation.window import Window, require_numbers
from minigpt.model import LanguageModel


class DrawnToken(NamedTuple):
    """What one step computes."""

    token: int
    logits: Float[Tensor, "1 vocab"]
    filtered: Float[Tensor, "1 vocab"]
    """Logits after the filters; −∞ where removed."""
    waits: Float[Tensor, " vocab"] | None
    """The random numbers of the draw (see `draw_token`); None for greedy."""


def next_token(
    window: Window,
    tokens: Int[Tensor, "1 pos"],
    config: GenerationConfig,
    random: torch.Generator,
) -> DrawnToken:
    """Choose the next token of a text.

    Args:
        window: The model and its cache.
        tokens: The text so far, prompt included.
        config: Which filters, and whether to take the likeliest token or to draw one.
        random: Where the random numbers come from.
    """
    logits = window.next_logits(tokens)
    if window.decodes_fast and can_draw_fast(logits, config):
        token, filtered, waits = draw_fast(logits, config, random)
        return DrawnToken(token, logits, filtered, waits)
    filtered = apply_filters(logits, tokens, config)
    if is_greedy(config):
        return DrawnToken(int(filtered.argmax()), logits, filtered, None)
    token, waits = draw_token(filtered, random)
    return DrawnToken(token, logits, filtered, waits)


def draw_token(
    filtered: Float[Tensor, "1 vocab"], random: torch.Generator
) -> tuple[int, Float[Tensor, " vocab"]]:
    """Draw a token with the probability that the softmax gives it.

    A race decides: token i arrives after wait_i / p_i, where the waits are exponential
    with mean 1, and the first to arrive is drawn. That is token i with probability p_i.
    `torch.multinomial` does the same, more slowly.

    Args:
        filtered: Logits after the filters.
        random: Where the random numbers come from.

    Returns:
        The token, and the waits.
    """
    probabilities = filtered[0].softmax(dim=-1).cpu()
    waits = torch.empty_like(probabilities).exponential_(generator=random)
    return int((probabilities / waits).argmax()), waits


def new_dice(seed: int | None) -> tuple[torch.Generator, int]:
    """Return a text's random generator, and the seed that makes it (none: a new one).

    It is on the CPU wherever the model is: a seed gives the same numbers everywhere.
    """
    dice = torch.Generator()
    seed = dice.seed() % 2**63 if seed is None else seed
    return dice.manual_seed(seed), seed


@dataclass(frozen=True, slots=True)
class SampledToken:
    """One token of a text, and the distributions it came from."""

    token: int
    log_prob: float
    """ln p of the token in the model's own distribution, before any filter."""
    logits: Float[Tensor, "1 vocab"]
    filtered: Float[Tensor, "1 vocab"]
    """Logits after the filters; −∞ where removed."""
    waits: Float[Tensor, " vocab"] | None
    """The random numbers of the draw (see `draw_token`); None for greedy."""
    forced: bool
    """Whether the caller chose the token."""
    forgot: int
    """Tokens at the beginning of the text that the model no longer saw."""


class Sampler:
    """One text being written.

    Random numbers are drawn for forced tokens too, so a text whose own first tokens are
    forced continues exactly as it did.

    Args:
        model: The model that writes.
        prompt_tokens: What to continue, at most `max_seq_len` tokens.
        config: How to choose.
        eos_id: The token that ends a text (None: only the length does).
        forced: The first tokens of the continuation, chosen by the caller. All are
            written, even if `max_new_tokens` is smaller or one of them ends a text.
        watched: See `Window`.
    """

    def __init__(
        self,
        model: LanguageModel,
        prompt_tokens: Sequence[int],
        config: GenerationConfig,
        eos_id: int | None = None,
        forced: Sequence[int] = (),
        *,
        watched: bool = False,
    ) -> None:
        self._max_new_tokens = max(config.max_new_tokens, len(forced))
        self._forced = list(forced)
        self._eos_id = eos_id
        self.has_ended = False
        """Whether the last token written was the end of the text."""
        self._config = config
        self._random, self.seed = new_dice(config.seed)
        self._prompt_length = self._length = len(prompt_tokens)
        total = self._length + self._max_new_tokens
        with torch.inference_mode(mode=False):
            self._tokens = torch.zeros(1, total, dtype=torch.int64, device=model.device)
            self._tokens[0, : self._length] = torch.tensor(prompt_tokens)
        # NumPy writes one number sooner than torch.
        row = self._tokens[0]
        self._row = row.numpy() if row.device.type == "cpu" else row
        self._window = Window(model, 1, total, watched=watched)

    @property
    def num_written(self) -> int:
        """Tokens written so far."""
        return self._length - self._prompt_length

    @property
    def is_done(self) -> bool:
        """Whether the text has ended, or has reached its maximum length."""
        return self.has_ended or self.num_written >= self._max_new_tokens

    # One call at a time, never around a `yield`: whoever consumes a stream would
    # find inference mode switched on in code of their own.
    @torch.inference_mode()
    def draw(self) -> SampledToken:
        """Write the next token.

        Raises:
            CheckpointError: If the model's logits are not numbers.
        """
        place = self.num_written
        forced = place < len(self._forced)
        with self._window.threads():
            drawn = next_token(
                self._window,
                self._tokens[:, : self._length],
                self._config,
                self._random,
            )
            token = self._forced[place] if forced else drawn.token
            log_prob = drawn.logits.log_softmax(dim=-1)[0, token].item()
        require_numbers(log_prob)
        self._row[self._length] = token
        self._length += 1
        self.has_ended = token == self._eos_id and place >= len(self._forced) - 1
        return SampledToken(
            token=token,
            log_prob=log_prob,
            logits=drawn.logits,
            filtered=drawn.filtered,
            waits=drawn.waits,
            forced=forced,
            forgot=self._window.forgot,
        )
