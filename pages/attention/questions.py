"""Predict and Check of "Attention, step by step", answered by the row on the screen."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.attention_editing import unscaled_pattern
from minigpt.interpret.heads.attention_steps import AttentionSteps
from minigpt.interpret.reading.prompt import Reading
from pages.attention.numbers import opening_of, steps_of
from pages.frame import corpora
from pages.frame.questions import Question
from pages.frame.reading import Place, place_in, read_other, shuffled_places
from pages.frame.words import plain, told_apart, within
from viz.tokens import display_piece, placed_pieces

CLEAR = 0.02
"""Two weights nearer than this are a tie: nobody should have to guess between them."""


def strongest(
    checkpoint: Checkpoint, reading: Reading, place: Place
) -> Iterator[Question]:
    """Ask which token a query reads most; rows where two are about equal are left out.

    Args:
        checkpoint: The model that reads.
        reading: The prompt.
        place: The row on the screen; other rows of other heads follow.
    """
    for row in _rows(checkpoint, reading, place):
        steps, pieces = row.steps(checkpoint), row.reading.pieces
        order = sorted(range(steps.query + 1), key=lambda key: -steps.pattern[key])[:4]
        if len(order) < 2 or steps.pattern[order[0]] - steps.pattern[order[1]] < CLEAR:
            continue
        names, shown = placed_pieces(pieces), sorted(order)
        best = order[0]
        yield Question(
            "attention.strongest",
            f"{row.where}Which token does **{_word(pieces[steps.query])}** (position "
            f"{steps.query}) read most in {row.head}?",
            [names[key] for key in shown],
            shown.index(best),
            f"{plain(names[best])} gets a weight of {steps.pattern[best]:.3f}.",
            row.at,
        )


def rest(checkpoint: Checkpoint, reading: Reading, place: Place) -> Iterator[Question]:
    """Ask what the other weights of a row come to: seen in the row, it adds up to 1.

    Arguments as for `strongest`.
    """
    for row in _rows(checkpoint, reading, place):
        steps = row.steps(checkpoint)
        best = int(steps.pattern.argmax())
        most = float(steps.pattern[best])
        if steps.query == 0:
            continue
        values = sorted({1 - most, most, most / 2, 1.0})
        reader, read = (_word(row.reading.pieces[at]) for at in (steps.query, best))
        yield Question(
            "attention.rest",
            f"{row.where}In {row.head}, **{reader}** (position {steps.query}) reads "
            f"**{read}** most. What do its weights on all the other tokens add up to?",
            told_apart(values, 3),
            values.index(1 - most),
            f"The weights of a row add up to 1, and {read} has {most:.3f} of it.",
            row.at,
        )


class _Row(NamedTuple):
    """A row of attention that can be asked about."""

    reading: Reading
    place: Place
    prompt: str | None = None
    """None: the one on the screen."""

    def steps(self, checkpoint: Checkpoint) -> AttentionSteps:
        return steps_of(checkpoint.model, self.reading.tokens, *self.place)

    @property
    def head(self) -> str:
        return f"L{self.place.layer}H{self.place.head}"

    @property
    def where(self) -> str:
        return within(self.prompt)

    @property
    def at(self) -> dict[str, Any]:
        return place_in(self.prompt, **self.place._asdict())


def _rows(checkpoint: Checkpoint, reading: Reading, first: Place) -> Iterator[_Row]:
    """Yield the row on the screen, then others of this prompt, then of other texts."""
    yield _Row(reading, first)
    for each in _shuffled_places(reading):
        if each != first:
            yield _Row(reading, each)
    for prompt, _ in corpora.other_prompts(checkpoint):
        read = read_other(checkpoint, prompt)
        for each in _shuffled_places(read):
            yield _Row(read, each, prompt)


def _shuffled_places(reading: Reading) -> list[Place]:
    layers, heads, count, _ = reading.patterns.shape
    places = shuffled_places(range(layers), range(heads), range(2, count))
    return [Place(*each) for each in places]


def checks(
    checkpoint: Checkpoint, reading: Reading, place: Place
) -> list[Iterator[Question]]:
    """Ask what the numbers of a row come to: this row first, then others.

    Args:
        checkpoint: The model that reads.
        reading: The prompt.
        place: The row on the screen.
    """

    def about(ask: Callable[[AttentionSteps, _Row], Question]) -> Iterator[Question]:
        for row in _rows(checkpoint, reading, place):
            yield ask(row.steps(checkpoint), row)

    return [about(_scaling), about(_masking), about(_collapse)]


def recall(checkpoint: Checkpoint) -> list[Iterator[Question]]:
    """Ask what can be worked out without the figures, about the model's own numbers."""
    found = opening_of(checkpoint)
    if found is None:
        return []
    place = Place(found.layer, found.head, found.token)
    reading = read_other(checkpoint, found.prompt)
    scaling, masking, _ = checks(checkpoint, reading, place)
    return [scaling, masking]


def _scaling(steps: AttentionSteps, row: _Row) -> Question:
    key = int(abs(steps.raw[: steps.query + 1]).argmax())
    raw, width = float(steps.raw[key]), len(steps.q)
    right = float(steps.scaled[key])
    values = sorted({right, raw / width, raw * math.sqrt(width), raw})
    reader, read = (_word(row.reading.pieces[at]) for at in (steps.query, key))
    return Question(
        "attention.scale",
        f"{row.where}In {row.head}, **{reader}** reads **{read}** with q · k = "
        f"{plain(f'{raw:.2f}')}. Each vector has {width} numbers. What is the score "
        "after ÷ √d?",
        told_apart(values),
        values.index(right),
        f"√{width} is {math.sqrt(width):.3f}.",
        row.at,
    )


def _masking(steps: AttentionSteps, row: _Row) -> Question:
    count, readable = len(row.reading.pieces), int((steps.scores > -math.inf).sum())
    options = sorted({readable, max(1, readable - 1), count, count + 1})
    return Question(
        "attention.mask",
        f"{row.where}How many of the {count} tokens may "
        f"**{_word(row.reading.pieces[steps.query])}** (position {steps.query}) read?",
        [str(option) for option in options],
        options.index(readable),
        "It may read itself and all tokens before it. The rest get a score of −∞.",
        row.at,
    )


def _collapse(steps: AttentionSteps, row: _Row) -> Question:
    before = float(steps.pattern.max())
    after = float(unscaled_pattern(steps).max())
    options = ["it grows", "it shrinks", "it stays within 0.01"]
    return Question(
        "attention.collapse",
        f"{row.where}In {row.head}, leave out ÷ √d for "
        f"**{_word(row.reading.pieces[steps.query])}** (position {steps.query}). What "
        "happens to the largest weight of its row?",
        options,
        2 if abs(after - before) <= 0.01 else int(after < before),
        f"It goes from {before:.3f} to {after:.3f}.",
        row.at,
    )


def _word(piece: str) -> str:
    return plain(display_piece(piece))
