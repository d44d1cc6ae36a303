"""Predict and Check of "Attention, step by step", answered by the row on the screen."""

import math

from minigpt.interpret.heads.attention_editing import unscaled_pattern
from minigpt.interpret.heads.attention_steps import AttentionSteps
from pages.frame.questions import Question
from pages.frame.words import plain
from viz.tokens import display_piece, placed_pieces

CLEAR = 0.02
"""Two weights nearer than this are a tie: nobody should have to guess between them."""


def strongest(steps: AttentionSteps, pieces: list[str], name: str) -> Question:
    """Ask which token the query reads most; where that is a tie, ask something else.

    Args:
        steps: The row.
        pieces: The tokens' texts.
        name: The head's, `L0H1`.
    """
    readable = range(steps.query + 1)
    order = sorted(readable, key=lambda key: -steps.pattern[key])[:4]
    if len(order) < 2 or steps.pattern[order[0]] - steps.pattern[order[1]] < CLEAR:
        return _spread(steps, pieces, name)
    names = placed_pieces(pieces)
    shown = sorted(order)
    best = order[0]
    return Question(
        "attention.strongest",
        f"Which token does **{_word(pieces[steps.query])}** read most in {name}?",
        [names[key] for key in shown],
        shown.index(best),
        f"{plain(names[best])} gets a weight of {steps.pattern[best]:.3f}.",
    )


def _spread(steps: AttentionSteps, pieces: list[str], name: str) -> Question:
    largest = float(steps.pattern.max())
    return Question(
        "attention.spread",
        f"Does **{_word(pieces[steps.query])}** give more than half of its row to one "
        f"token in {name}?",
        ["yes", "no"],
        int(largest <= 0.5),
        f"Its largest weight is {largest:.3f}.",
    )


def checks(steps: AttentionSteps, pieces: list[str]) -> list[Question]:
    """Ask what the numbers of this row come to.

    Args:
        steps: The row.
        pieces: The tokens' texts.
    """
    return [
        _scaling(steps, pieces),
        _masking(steps, pieces),
        _collapse(steps),
    ]


def _scaling(steps: AttentionSteps, pieces: list[str]) -> Question:
    key = int(abs(steps.raw[: steps.query + 1]).argmax())
    raw, width = float(steps.raw[key]), len(steps.q)
    wrong = {f"{raw / width:.2f}", f"{raw * math.sqrt(width):.2f}", f"{raw:.2f}"}
    right = f"{steps.scaled[key]:.2f}"
    options = sorted({right, *wrong}, key=float)
    return Question(
        "attention.scale",
        f"q · k for **{_word(pieces[key])}** is {plain(f'{raw:.2f}')}, with "
        f"{width} numbers in each vector. What is the score after ÷ √d?",
        options,
        options.index(right),
        f"√{width} is {math.sqrt(width):.3f}.",
    )


def _masking(steps: AttentionSteps, pieces: list[str]) -> Question:
    count, readable = len(pieces), int((steps.scores > -math.inf).sum())
    options = sorted({readable, max(1, readable - 1), count, count + 1})
    return Question(
        "attention.mask",
        f"How many of the {count} tokens may **{_word(pieces[steps.query])}** "
        f"(position {steps.query}) read?",
        [str(option) for option in options],
        options.index(readable),
        "It may read itself and all tokens before it. The rest get a score of −∞.",
    )


def _collapse(steps: AttentionSteps) -> Question:
    before = float(steps.pattern.max())
    after = float(unscaled_pattern(steps).max())
    options = ["it grows", "it shrinks", "it stays within 0.01"]
    answer = 2 if abs(after - before) <= 0.01 else int(after < before)
    return Question(
        "attention.collapse",
        "Leave out ÷ √d. What happens to the largest weight of this row?",
        options,
        answer,
        f"It goes from {before:.3f} to {after:.3f}.",
    )


def _word(piece: str) -> str:
    return plain(display_piece(piece))
