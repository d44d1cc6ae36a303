"""Predict and Check of the cache: what is kept, what is computed anew, how large it is.

The answers follow from the model's shape and the causal mask; tests hold them to what
the model's cache really does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from minigpt.checkpoint import Checkpoint
from minigpt.generation.cache_growth import positions_through_the_model
from minigpt.model import TransformerLM
from pages.frame.questions import Question
from pages.frame.words import plain
from pages.generation.numbers import expectations_of
from viz.tokens import display_piece

BYTES = 4
"""Of a number in 32 bits."""


@dataclass(frozen=True)
class _Text:
    """A text that is read into a cache."""

    checkpoint: Checkpoint
    prompt: str
    tokens: list[int]
    is_here: bool

    @property
    def quoted(self) -> str:
        return f"“{plain(self.prompt[-80:])}”"

    @property
    def named(self) -> str:
        return f"{self.quoted} ({len(self.tokens)} tokens)"

    @property
    def at(self) -> dict[str, Any]:
        return {} if self.is_here else {"prompt": self.prompt}


def _texts(
    checkpoint: Checkpoint, prompt: str, tokens: list[int]
) -> Iterator[tuple[int, _Text]]:
    """Yield the text on the screen, then others, each with its number."""
    yield 0, _Text(checkpoint, prompt, tokens, True)
    for number, other in enumerate(expectations_of(checkpoint), start=1):
        if other.tokens != tokens:
            yield number, _Text(checkpoint, other.prompt, other.tokens, False)


def must_be_read(
    checkpoint: Checkpoint, prompt: str, tokens: list[int]
) -> Iterator[Question]:
    """Ask how many tokens still have to go through the model."""
    for number, text in _texts(checkpoint, prompt, tokens):
        count = len(text.tokens)
        new = 1 + number % max(1, min(4, count - 1))
        options = sorted({new, count - new, count, new + 1, count + 1} - {0})
        yield Question(
            "generation.cache_new",
            f"The model has read the first {count - new} of the {count} tokens of "
            f"{text.quoted} and kept their keys and values. How many tokens must go "
            "through its layers now, to predict what comes next?",
            [str(option) for option in options],
            options.index(new),
            "Earlier tokens cannot read later ones, so their keys and values stay as "
            f"they are. Only what is new has to be computed: {new}.",
            text.at,
        )


def checks(
    checkpoint: Checkpoint, prompt: str, tokens: list[int]
) -> list[Iterator[Question]]:
    """Ask about the cache's size, what stays valid in it, and the work it saves."""

    def about_each(
        ask: Callable[[int, _Text], Iterator[Question]],
    ) -> Iterator[Question]:
        for number, text in _texts(checkpoint, prompt, tokens):
            yield from ask(number, text)

    return [about_each(_bytes), about_each(_still_valid), about_each(_work)]


def recall(
    checkpoint: Checkpoint, prompt: str, tokens: list[int]
) -> list[Iterator[Question]]:
    """Ask what needs no picture: every number is in the question."""
    if not isinstance(checkpoint.model, TransformerLM):
        return []
    return checks(checkpoint, prompt, tokens)


def _bytes(_: int, text: _Text) -> Iterator[Question]:
    config, count = text.checkpoint.model.config, len(text.tokens)
    if not isinstance(text.checkpoint.model, TransformerLM):
        return
    heads, layers, width = config.kv_heads, config.num_layers, config.d_head
    right = layers * heads * width * count * 2 * BYTES
    options = sorted({right, right // 2, right // BYTES, right // count, 2 * right})
    yield Question(
        "generation.cache_bytes",
        f"{layers} layers with {heads} heads keep keys and values of {width} numbers "
        f"for each token, {BYTES} bytes per number. How many bytes is that for "
        f"{text.named}?",
        [f"{option:,} bytes" for option in options],
        options.index(right),
        f"{layers} layers × {heads} heads × {width} numbers × {count} tokens × 2 × "
        f"{BYTES} bytes. The 2 stands for keys and values.",
        text.at,
    )


def _still_valid(number: int, text: _Text) -> Iterator[Question]:
    count = len(text.tokens)
    if count < 3:
        return
    place = 1 + number % (count - 2)
    piece = display_piece(text.checkpoint.tokenizer.pieces([text.tokens[place]])[0])
    options = sorted({0, place, place + 1, count - place, count - 1})
    yield Question(
        "generation.cache_kept",
        f"All of {text.named} is in the cache. Now “**{plain(piece)}**” at position "
        f"{place}, counted from 0, is replaced by another token. For how many tokens "
        "are the kept keys and values still right?",
        [str(option) for option in options],
        options.index(place),
        f"The {place} tokens before it never read it. From there on, everything has to "
        "be computed again.",
        text.at,
    )


def _work(number: int, text: _Text) -> Iterator[Question]:
    count, written = len(text.tokens), 3 + number % 4
    without = positions_through_the_model(count, written, cached=False)
    kept = positions_through_the_model(count, written, cached=True)
    options = sorted({without, kept, count * written, count + written, written})
    yield Question(
        "generation.cache_work",
        f"{written} tokens are written after {text.named}, one by one and **without** "
        "a cache. How many tokens go through the layers in all, counting each time?",
        [str(option) for option in options],
        options.index(without),
        f"The whole text is read for each new token: {count} tokens, then one more "
        f"each time, {without} in all. With the cache, it is {kept}.",
        text.at,
    )
