"""The best of all texts, found for certain: what a beam search is measured against.

With `vocab` tokens to choose from, vocab ** length texts can be written, far too many
to score one by one. But a text is never likelier than its beginning, since every token
adds ln p ≤ 0. So a beginning that scores below a whole text already known is dropped
together with all that begins so, and nothing better is lost:

    score(text) ≤ bound(beginning) = cumulative / divisor
    divisor       the largest length ** length_penalty that such a text can have

Few beginnings are left: of one length, fewer than 1/p can be as likely as p, because
together they have probability 1. All of them are read, length by length.

Before: `beam`, which keeps a fixed number at each length and may lose the best.

Source: Stahlberg & Byrne 2019, "On NMT search errors and model errors",
arXiv:1908.10090, section 3 (there depth first; the bound is the same).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.config import GenerationConfig
from minigpt.errors import DataError
from minigpt.generation.beam.search import next_log_probs
from minigpt.generation.beam.tree import ScoredText
from minigpt.generation.window import Window, require_numbers
from minigpt.model import LanguageModel

MOST_READ = 20_000
"""Beginnings that are read before a search gives up, unless told otherwise."""

BATCH = 256
"""Beginnings read in one forward."""

SECONDS_PER_READING, SECONDS_PER_WEIGHT = 25e-6, 5e-10
"""What one beginning costs on a laptop's processor, roughly: for itself, and for each
weight that it meets."""

Report = Callable[[int, int], None]
"""Told the length reached, and how many beginnings of it are to be read."""


@dataclass(frozen=True)
class BestOfAll:
    """The likeliest of all texts, and what it took to know."""

    text: ScoredText
    num_texts: int
    """How many there are."""
    num_read: int
    """How many beginnings the model had to read."""


@dataclass(frozen=True)
class Effort:
    """How long to search, and whom to tell meanwhile."""

    most_read: int = MOST_READ
    """Beginnings after which to give up."""
    report: Report | None = None
    """Told how far the search is."""


@dataclass
class _Search:
    """What is known so far."""

    model: LanguageModel
    config: GenerationConfig
    eos_id: int | None
    best_score: float
    best_tokens: Int[Tensor, " pos"] | None = None
    window: Window | None = None
    """Has read all beginnings, if they are so few that one forward reads them."""

    def divisor(self, length: int) -> float:
        """Return what a score of a text of that length is divided by."""
        return float(np.float64(length) ** self.config.length_penalty)

    def extend_all(
        self, texts: Int[Tensor, "batch pos"], totals: Float[Tensor, " batch"], at: int
    ) -> Iterator[tuple[Int[Tensor, "open longer"], Float[Tensor, " open"]]]:
        """Continue beginnings, some at a time: see `extend`."""
        for start in range(0, len(texts), BATCH):
            part = slice(start, start + BATCH)
            if self.window is None:
                total = texts.shape[1] - at + 1 + self.config.max_new_tokens
                self.window = Window(self.model, len(texts[part]), total, watched=True)
            longer, sums, rows = self.extend(texts[part], totals[part], at, self.window)
            if max(len(texts), len(rows)) > BATCH:
                self.window = None  # each batch is read anew
            else:
                self.window.cache.reorder(rows)
            yield longer, sums

    def extend(
        self,
        texts: Int[Tensor, "batch pos"],
        totals: Float[Tensor, " batch"],
        at: int,
        window: Window,
    ) -> tuple[
        Int[Tensor, "open longer"], Float[Tensor, " open"], Int[Tensor, " open"]
    ]:
        """Continue beginnings by every token; keep what may still become the best.

        Args:
            texts: Beginnings, the prompt included.
            totals: Their cumulative log-probabilities.
            at: How many tokens are written afterwards.
            window: Reads what is new in them.

        Returns:
            What is kept, the totals, and which of `texts` each continues.
        """
        log_probs = next_log_probs(window, texts, self.config)
        sums = totals[:, None] + log_probs  # [batch vocab]
        require_numbers(float(sums.max()))
        ends = torch.full(sums.shape[1:], at == self.config.max_new_tokens)
        if self.eos_id is not None:
            ends[self.eos_id] = True
        self._note_best(texts, sums.masked_fill(~ends, -torch.inf), at)

        # Its length is not known yet; the largest divisor gives the highest score.
        longest = self.config.max_new_tokens
        divisor = max(self.divisor(longest), self.divisor(min(at + 1, longest)))
        may_win = (sums.double() / divisor > self.best_score) & ~ends
        rows, tokens = may_win.nonzero(as_tuple=True)
        longer = torch.cat([texts[rows], tokens[:, None]], dim=1)
        return longer, sums[rows, tokens], rows

    def _note_best(
        self,
        texts: Int[Tensor, "batch pos"],
        ended: Float[Tensor, "batch vocab"],
        at: int,
    ) -> None:
        """Remember the best of the texts that end here, if none before was better."""
        score = float(ended.max()) / self.divisor(at)
        if score > self.best_score:
            row, token = divmod(int(ended.argmax()), ended.shape[1])
            self.best_score = score
            self.best_tokens = torch.cat([texts[row], texts.new_tensor([token])])


@torch.inference_mode()
def best_of_all(
    model: LanguageModel,
    prompt_tokens: Sequence[int],
    config: GenerationConfig,
    eos_id: int | None,
    known: ScoredText,
    effort: Effort = Effort(),
) -> BestOfAll:
    """Find the text with the highest score of all that can be written.

    Args:
        model: Who writes.
        prompt_tokens: What to continue.
        config: `max_new_tokens`, `length_penalty`, `repetition_penalty`.
        eos_id: The token that ends a text (none: only the length does).
        known: A text to begin with, say the beam's: the better it is, the fewer
            beginnings need reading. What is found does not depend on it.
        effort: After how many beginnings to give up.

    Raises:
        DataError: If more beginnings than that would have to be read, or the texts
            would outgrow the model's window.
    """
    _require_room(model, len(prompt_tokens), config.max_new_tokens)
    search = _Search(model, config, eos_id, known.score)
    texts = torch.tensor([list(prompt_tokens)], device=model.device)
    totals = torch.zeros(1, device=model.device)
    num_texts = count_texts(
        model.config.vocab_size, config.max_new_tokens, eos_id is not None
    )
    num_read = 0
    for length in range(1, config.max_new_tokens + 1):
        num_read += len(texts)
        if effort.report is not None:
            effort.report(length, len(texts))
        grown, num_open = [], 0
        for part in search.extend_all(texts, totals, length):
            grown.append(part)
            num_open += len(part[0])
            if num_read + num_open > effort.most_read:
                raise _too_many(num_texts, length, config, effort.most_read)
        texts, totals = (torch.cat(parts) for parts in zip(*grown, strict=True))
        if not len(texts):
            break
    if search.best_tokens is None:
        return BestOfAll(known, num_texts, num_read)
    written = search.best_tokens[len(prompt_tokens) :].tolist()
    return BestOfAll(
        score_text(model, prompt_tokens, written, config), num_texts, num_read
    )


def affordable(model: LanguageModel, seconds: float) -> int:
    """Estimate how many beginnings can be read in some time, at most `MOST_READ`."""
    weights = sum(parameter.numel() for parameter in model.parameters())
    each = SECONDS_PER_READING + SECONDS_PER_WEIGHT * weights
    return min(MOST_READ, int(seconds / each))


def count_texts(vocab_size: int, length: int, can_end: bool) -> int:
    """Count the texts of at most so many tokens.

    A text that can end early is one of 1, 2, … tokens whose last alone is the end, or
    one of full length without it.

    >>> count_texts(10, 3, can_end=False), count_texts(10, 3, can_end=True)
    (1000, 820)
    """
    if not can_end:
        return vocab_size**length
    return sum((vocab_size - 1) ** n for n in range(length + 1))


@torch.inference_mode()
def score_text(
    model: LanguageModel,
    prompt_tokens: Sequence[int],
    text: Sequence[int],
    config: GenerationConfig,
) -> ScoredText:
    """Score a given text as a search would.

    Args:
        model: Who reads.
        prompt_tokens: What stands before it.
        text: At least one token.
        config: `length_penalty`, `repetition_penalty`.
    """
    read = torch.tensor([[*prompt_tokens, *text]], device=model.device)
    window = Window(model, 1, read.shape[1], watched=True)
    log_probs = [
        float(next_log_probs(window, read[:, :place], config)[0, read[0, place]])
        for place in range(len(prompt_tokens), read.shape[1])
    ]
    divisor = float(np.float64(len(text)) ** config.length_penalty)
    total = sum(log_probs)
    return ScoredText(list(text), log_probs, total, total / divisor)


def _require_room(model: LanguageModel, prompt: int, length: int) -> None:
    limit = model.config.max_seq_len
    if prompt + length - 1 > limit:
        raise DataError(
            f"A prompt of {prompt} tokens and {length} more outgrow the model's window "
            f"(max_seq_len = {limit}), and it would forget its beginning: write at "
            f"most {limit - prompt + 1} tokens."
        )


def _too_many(
    num_texts: int, length: int, config: GenerationConfig, most_read: int
) -> DataError:
    return DataError(
        f"There are {about(num_texts)} texts of up to {config.max_new_tokens} tokens. "
        f"At {length} of them, more than {most_read:,} beginnings could still become "
        "the best: too many to read. Write fewer tokens."
    )


def about(number: int) -> str:
    """Write a whole number that may be far too large for a float.

    >>> about(1_048_576), about(1024**8), about(1024**200)
    ('1,048,576', '1.2 × 10²⁴', '1.1 × 10⁶⁰²')
    """
    if number < 10**8:
        return f"{number:,}"
    digits = str(number)
    power = str(len(digits) - 1).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digits[0]}.{digits[1]} × 10{power}"
