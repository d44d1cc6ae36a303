"""Predict and Check of "Generation", answered by the model's own distribution."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.openings.beginnings import Beginning
from pages.frame import models
from pages.frame.questions import Question
from pages.frame.words import plain, told_apart
from pages.generation import cache_questions
from pages.generation.numbers import expectations_of
from pages.generation.settings import in_session
from pages.generation.tour import ONE, PLAIN, STAGE, VIEW
from viz.tokens import display_piece

NUCLEUS = 0.9

COLD = 0.5

RANGES = {
    "0 to 9 times": 0.10,
    "10 to 39 times": 0.40,
    "40 to 69 times": 0.70,
    "70 to 94 times": 0.95,
    "95 to 100 times": math.inf,
}
"""Of a hundred draws, and below which probability each is the answer."""

APART = 0.004
"""Two probabilities nearer than this are no choice."""


class _Asked(NamedTuple):
    """A distribution that can be asked about."""

    expected: Beginning
    pieces: Sequence[str]
    """Of the whole vocabulary."""
    is_here: bool
    """Whether its prompt is the one on the screen."""

    @property
    def where(self) -> str:
        return f"After “{plain(self.expected.prompt[-80:])}”: "

    @property
    def at(self) -> dict[str, Any]:
        return {} if self.is_here else {"prompt": self.expected.prompt}

    def word(self, token: int) -> str:
        return display_piece(self.pieces[token])


def _each(checkpoint: Checkpoint, here: Beginning) -> Iterator[_Asked]:
    """Yield the distribution on the screen, then those after other prompts."""
    tokenizer = checkpoint.tokenizer
    pieces = models.vocabulary(tokenizer)
    yield _Asked(here, pieces, True)
    for other in expectations_of(checkpoint):
        if other.tokens != here.tokens:
            yield _Asked(other, pieces, False)


def how_often(checkpoint: Checkpoint, here: Beginning) -> Iterator[Question]:
    """Ask how often the likeliest token comes, before its probability is shown."""
    for asked in _each(checkpoint, here):
        p = asked.expected.largest_at(1.0)
        options = list(RANGES)
        yield Question(
            "generation.how_often",
            f"{asked.where}The next token is drawn 100 times, each time with the "
            "probabilities that the model gives. How often do you expect the likeliest "
            "token to be drawn?",
            options,
            next(place for place, most in enumerate(RANGES.values()) if p < most),
            f"The model gives it a probability of {p:.3f}. It is the likeliest, yet "
            "the others come too.",
            asked.at,
        )


def second(checkpoint: Checkpoint, here: Beginning) -> Iterator[Question]:
    """Ask, once the bars are seen, which token is the second likeliest."""
    for asked in _each(checkpoint, here):
        tokens = asked.expected.likeliest(4)
        names = [asked.word(token) for token in tokens]
        if len(set(names)) < len(names):
            continue
        options = sorted(names)
        p = asked.expected.probability(tokens[1])
        yield Question(
            "generation.second",
            f"{asked.where}Which next token is the second likeliest?",
            options,
            options.index(names[1]),
            f"The model gives it a probability of {p:.3f}.",
            asked.at,
        )


def checks(checkpoint: Checkpoint, here: Beginning) -> list[Iterator[Question]]:
    """Ask what temperature, top-p and surprise make of these numbers."""

    def about_each(
        ask: Callable[[_Asked], Iterator[Question]],
    ) -> Iterator[Question]:
        for asked in _each(checkpoint, here):
            yield from ask(asked)

    return [about_each(_temperature), about_each(_nucleus), about_each(_surprise)]


def recall(checkpoint: Checkpoint) -> list[Iterator[Question]]:
    """Ask what can be worked out without the bars, about the model's own numbers."""
    expected = expectations_of(checkpoint)
    if not expected:
        return []
    here = expected[0]
    surprise = checks(checkpoint, here)[2]
    return [surprise, *cache_questions.recall(checkpoint, here.prompt, here.tokens)]


def _temperature(asked: _Asked) -> Iterator[Question]:
    best = asked.expected.likeliest(1)[0]
    now, cold, hot = map(asked.expected.largest_at, (1.0, COLD, 1 / COLD))
    values = _clear(cold, [now, hot, now**2, now * COLD])
    if len(values) < 3:
        return
    yield Question(
        "generation.temperature",
        f"{asked.where}“**{plain(asked.word(best))}**” has probability {now:.3f}. What "
        f"is its probability at temperature {COLD}, with no other filter?",
        told_apart(values, 3),
        values.index(cold),
        "The logits are doubled, so all probabilities are squared and then rescaled to "
        f"add up to 1: {cold:.3f}. At temperature 2 it would have {hot:.3f}.",
        asked.at,
    )


def _clear(right: float, wrong: list[float]) -> list[float]:
    """Return the answer with those others that are clearly different, in order."""
    values = [right]
    for each in wrong:
        if all(abs(each - value) >= APART for value in values):
            values.append(each)
    return sorted(values)


def _nucleus(asked: _Asked) -> Iterator[Question]:
    vocab = len(asked.expected.log_probs)
    kept = asked.expected.nucleus_size(NUCLEUS)
    options = sorted({1, kept, max(2, kept // 3), min(vocab, 3 * kept), vocab})
    yield Question(
        "generation.nucleus",
        f"{asked.where}Of {vocab} tokens, how many does top-p {NUCLEUS} keep, at "
        "temperature 1?",
        [str(option) for option in options],
        options.index(kept),
        f"The {kept} likeliest tokens are the smallest set that reaches {NUCLEUS} "
        "together. After another text the number is different; top-k would "
        "always keep k.",
        {
            **asked.at,
            **in_session(PLAIN.replace(top_p=NUCLEUS)),
            VIEW: ONE,
            STAGE: "top_p",
        },
    )


def _surprise(asked: _Asked) -> Iterator[Question]:
    token = asked.expected.likeliest(3)[2]
    p = asked.expected.probability(token)
    right = -math.log(max(p, 1e-45))
    values = _clear(right, [p, 1 - p, right / 2, right + 1])
    yield Question(
        "generation.surprise",
        f"{asked.where}Suppose the third likeliest token is drawn, "
        f"“**{plain(asked.word(token))}**”, to which the model gives probability "
        f"{p:.3g}. How large is the model's surprise?",
        [f"{text} nats" for text in told_apart(values)],
        values.index(right),
        f"Surprise is −ln p: −ln {p:.3g} = {right:.2f} nats.",
        asked.at,
    )
