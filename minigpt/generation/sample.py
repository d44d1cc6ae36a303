"""Greedy and sampling: one token after the other.

The model gives a distribution, the filters bend it, and the next token is its likeliest
(greedy) or is drawn from it. Unlike `beam`, which comes next, nothing is ever taken
back.

Everything that one text needs (its cache, its dice, its tokens) lives in its own
`Sampler`, so any number of threads may write with one model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.config import GenerationConfig
from minigpt.generation.filters import build_filters, is_greedy
from minigpt.generation.window import Window, require_numbers
from minigpt.model import LanguageModel


@dataclass(frozen=True, slots=True)
class Draw:
    """One token, and the distributions it came from."""

    token: int
    log_prob: float
    """ln p of the token in the model's own distribution, before any filter."""
    logits: Float[Tensor, "1 vocab"]
    filtered: Float[Tensor, "1 vocab"]
    """Logits after the filters; −∞ where removed."""
    waits: Float[Tensor, " vocab"] | None
    """The dice: a time per token, exponential with mean 1 (greedy throws none)."""
    forced: bool
    forgot: int


class Sampler:
    """One text being written.

    Dice are thrown for forced tokens too: a text whose own first tokens are forced
    goes on exactly as it did.

    Args:
        model: Who writes.
        prompt_tokens: What to continue, at most `max_seq_len` tokens.
        config: How to choose.
        eos_id: The token that ends a text (none: only the length does).
        forced: The first tokens of the continuation, chosen by someone else. All are
            written, even if `max_new_tokens` is smaller or one of them ends a text.
    """

    def __init__(
        self,
        model: LanguageModel,
        prompt_tokens: Sequence[int],
        config: GenerationConfig,
        eos_id: int | None = None,
        forced: Sequence[int] = (),
    ) -> None:
        self._max_new_tokens = max(config.max_new_tokens, len(forced))
        self._forced = list(forced)
        self._eos_id = eos_id
        self.has_ended = False
        """Whether the last token written was the end of the text."""
        self._filters = build_filters(config)
        self._greedy = is_greedy(config)
        # On the CPU wherever the model is: the same seed throws the same dice.
        self._dice = torch.Generator()
        self.seed = config.seed
        if self.seed is None:
            self.seed = self._dice.seed() % 2**63
        self._dice.manual_seed(self.seed)
        self._prompt_length = self._length = len(prompt_tokens)
        total = self._length + self._max_new_tokens
        with torch.inference_mode(mode=False):
            self._text = torch.zeros(1, total, dtype=torch.int64, device=model.device)
            self._text[0, : self._length] = torch.tensor(prompt_tokens)
        self._window = Window(model, 1, total)

    @property
    def num_written(self) -> int:
        """Tokens written so far."""
        return self._length - self._prompt_length

    @property
    def is_done(self) -> bool:
        """Whether the text has ended, or is as long as it may be."""
        return self.has_ended or self.num_written >= self._max_new_tokens

    # One call at a time, never around a `yield`: whoever consumes a stream would
    # find inference mode switched on in code of their own.
    @torch.inference_mode()
    def draw(self) -> Draw:
        """Write the next token.

        Raises:
            CheckpointError: If the model's scores are not numbers.
        """
        with self._window.threads():
            return self._draw()

    def _draw(self) -> Draw:
        text = self._text[:, : self._length]
        logits = self._window.next_logits(text)
        filtered = logits
        for _, function in self._filters:
            filtered = function(filtered, text)
        token, waits = self._choose(filtered)
        place = self.num_written
        forced = place < len(self._forced)
        if forced:
            token = self._forced[place]
        log_prob = logits.log_softmax(dim=-1)[0, token].item()
        require_numbers(log_prob)
        self._text[0, self._length] = token
        self._length += 1
        self.has_ended = token == self._eos_id and place >= len(self._forced) - 1
        forgot = self._window.forgot
        return Draw(token, log_prob, logits, filtered, waits, forced, forgot)

    def _choose(self, filtered: Tensor) -> tuple[int, Tensor | None]:
        """Return the token, and the dice that were thrown for it."""
        if self._greedy:
            return int(filtered.argmax()), None
        # A race: each token arrives after an exponential time, at the rate of its
        # probability. The first is drawn; torch.multinomial does the same, slower.
        probabilities = filtered[0].softmax(dim=-1).cpu()
        waits = torch.empty_like(probabilities).exponential_(generator=self._dice)
        return int((probabilities / waits).argmax()), waits
