"""Two models, or two moments of one training, read the same text.

Their losses are compared piece by piece. Where both cut the text into the same tokens,
a piece is a token. Where their tokenizers differ, a piece is the smallest stretch of
text that is made of whole tokens for both. A model's loss on it is the sum over its
tokens there: by the chain rule, −ln of the probability of the whole stretch. So the two
numbers mean the same, whatever the tokens.

Before: `reading.text`. Beside: `pattern_change` for the attention weights,
`weight_change` for the weights.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig
from minigpt.errors import DataError
from minigpt.generation.generator import Generator
from minigpt.interpret.reading.text import TextReading, read_text
from minigpt.tokenizers.base import Tokenizer

Span = tuple[int, int]
"""From one place to another, the end excluded."""


@dataclass(frozen=True)
class PieceChanges:
    """How the loss on each piece of a text differs between two models."""

    pieces: list[str]
    change: Float[np.ndarray, "piece"]
    """Loss of `after` minus that of `before`, in nats: below 0 is better.

    Not-a-number where a token has nothing before it.
    """
    same_tokens: bool
    """Whether a piece is one token of both."""

    @property
    def compared(self) -> int:
        """How many pieces both models predicted."""
        return int(np.isfinite(self.change).sum())

    @property
    def worse(self) -> int:
        """How many of them `after` predicts worse."""
        return int((self.change > 0).sum())

    @property
    def worst(self) -> int:
        """Which piece lost most, or gained least."""
        return int(np.nanargmax(self.change))

    @property
    def best(self) -> int:
        """Which piece gained most, or lost least."""
        return int(np.nanargmin(self.change))

    def most_changed(self, count: int) -> list[int]:
        """Return the pieces whose loss changed most, either way, largest first."""
        size = np.abs(np.nan_to_num(self.change))
        return [int(place) for place in np.argsort(-size, kind="stable")[:count]]

    def mean_change_without(self, place: int) -> float:
        """Return the mean change per piece that the others have, in nats."""
        return float(np.nanmean(np.delete(self.change, place)))

    @property
    def mean_per_piece(self) -> float:
        """Mean change in nats per piece."""
        return float(np.nanmean(self.change))

    @property
    def mean_change(self) -> float:
        """Mean change in nats: per token, or per character if the tokens differ."""
        if self.same_tokens:
            return self.mean_per_piece
        counted = np.isfinite(self.change)
        lengths = np.array([len(piece) for piece in self.pieces])
        return float(self.change[counted].sum() / lengths[counted].sum())


@dataclass(frozen=True)
class TextComparison(PieceChanges):
    """The loss of two models on the same pieces of one text."""

    before: TextReading
    after: TextReading
    before_spans: list[Span]
    """Which tokens of `before` each piece is made of."""
    after_spans: list[Span]

    @property
    def before_losses(self) -> Float[np.ndarray, "piece"]:
        """Nats per piece; not-a-number where a token has nothing before it."""
        return _sums(self.before.losses, self.before_spans)

    @property
    def after_losses(self) -> Float[np.ndarray, "piece"]:
        """As `before_losses`, of the other model."""
        return _sums(self.after.losses, self.after_spans)

    @property
    def changes(self) -> PieceChanges:
        """The changes alone: the readings take far more memory."""
        return PieceChanges(self.pieces, self.change, self.same_tokens)


def compare_text(
    before: Checkpoint,
    after: Checkpoint,
    text: str,
) -> TextComparison:
    """Let two models read a text, and compare their losses on its pieces.

    Args:
        before: One model, with its tokenizer.
        after: Another.
        text: At least two tokens, at most what both models read at once.

    Raises:
        DataError: If the text is too short or too long, or the tokenizers differ and
            one of them cannot write the text back.
    """
    readings = [read_text(each.model, each.tokenizer, text) for each in (before, after)]
    tokens = [reading.tokens for reading in readings]
    same = tokens[0] == tokens[1] and same_tokenizer(before.tokenizer, after.tokenizer)
    if same:
        pieces = before.tokenizer.pieces(tokens[0])
        spans = [[(place, place + 1) for place in range(len(pieces))]] * 2
    else:
        tokenizers = [before.tokenizer, after.tokenizer]
        pieces, spans = _shared_pieces(tokenizers, tokens, text)
    losses = [
        _sums(reading.losses, each)
        for reading, each in zip(readings, spans, strict=True)
    ]
    comparison = TextComparison(
        pieces,
        losses[1] - losses[0],
        same,
        before=readings[0],
        after=readings[1],
        before_spans=spans[0],
        after_spans=spans[1],
    )
    if not comparison.compared:
        raise DataError(
            "The text is too short to compare: both models need something to predict. "
            "Type a few more words."
        )
    return comparison


def same_tokenizer(one: Tokenizer, other: Tokenizer) -> bool:
    """Whether two tokenizers cut every text alike and number the tokens alike."""
    return one is other or one.to_dict() == other.to_dict()


def continuations(
    before: Checkpoint,
    after: Checkpoint,
    prompt: str,
    *,
    seed: int,
    count: int = 60,
) -> tuple[str, str]:
    """Let both models continue a prompt, drawing with the same seed.

    Args:
        before: One model, with its tokenizer.
        after: Another.
        prompt: The text to continue.
        seed: Of the sampling, the same for both.
        count: Tokens at most.

    Raises:
        DataError: See `Generator.generate`.
    """
    config = GenerationConfig(
        strategy="sampling", max_new_tokens=count, temperature=0.8, seed=seed
    )
    texts = [
        Generator(each.model, each.tokenizer, each.model.device)
        .generate(prompt, config)
        .full_text
        for each in (before, after)
    ]
    return texts[0], texts[1]


def _shared_pieces(
    tokenizers: list[Tokenizer], tokens: list[list[int]], text: str
) -> tuple[list[str], list[list[Span]]]:
    """Cut a text where both tokenizers do, and say which tokens each piece holds."""
    cuts = [
        _cuts(tokenizer, ids, text)
        for tokenizer, ids in zip(tokenizers, tokens, strict=True)
    ]
    shared = sorted(cuts[0].keys() & cuts[1].keys())
    pieces = [text[start:end] for start, end in pairwise(shared)]
    return pieces, [list(pairwise(cut[place] for place in shared)) for cut in cuts]


def _cuts(tokenizer: Tokenizer, tokens: list[int], text: str) -> dict[int, int]:
    """Return where tokens end in a text: character → how many tokens lie before it.

    A cut inside a character (bytes of an emoji) is none.

    Raises:
        DataError: If the tokens do not write the text.
    """
    cuts = dict(_written(tokenizer, tokens, text))
    if len(text) not in cuts:
        unknown = tokenizer.unknown(text)
        what = f": one never saw {unknown[0]!r}" if unknown else ""
        raise DataError(
            "The models cut texts in different ways, and the losses can only be "
            f"compared on a text that both can write back{what}. Change the text."
        )
    return cuts


def _written(
    tokenizer: Tokenizer, tokens: list[int], text: str
) -> Iterator[tuple[int, int]]:
    for count in range(len(tokens) + 1):
        start = tokenizer.decode(tokens[:count], skip_special_tokens=False)
        if text.startswith(start):
            yield len(start), count


def _sums(
    losses: Float[np.ndarray, "pos"], spans: list[Span]
) -> Float[np.ndarray, "piece"]:
    return np.array([losses[start:end].sum() for start, end in spans])
