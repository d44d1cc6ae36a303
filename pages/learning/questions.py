"""Predict and Check of "How a weight learns", answered by this model and prompt."""

import math
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.learning.arithmetic import moved_by_gradient, spell_step
from minigpt.interpret.learning.steps import LearningRule, MatrixStep
from pages.frame import corpora
from pages.frame.questions import Question
from pages.frame.reading import place_in
from pages.frame.words import plain, told_apart
from pages.learning.numbers import (
    LOSS,
    RATES,
    SIZES,
    STEP,
    Prompt,
    backward_of,
    first_matrix,
    step_of,
    sweep_of,
)
from pages.learning.settings import OPTIMIZERS
from viz.tokens import display_piece

FALLS_FURTHER, FALLS_LESS, RISES = OUTCOMES = (
    "it falls further",
    "it falls, but less",
    "it rises",
)
LENGTH = 8
"""Tokens of the other texts that are asked about."""
CELLS = 12
"""Weights of a matrix that are asked about, from the largest gradient down."""


class _Text(NamedTuple):
    """A prompt that can be asked about."""

    tokens: list[int]
    pieces: list[str]
    prompt: str | None = None
    """None: the one on the screen."""

    @property
    def named(self) -> str:
        return "this prompt" if self.prompt is None else f"“{plain(self.prompt)}”"

    def at(self, view: str, **more: Any) -> dict[str, Any]:
        """Return where to see the answer."""
        return place_in(self.prompt, learning_view=view, **more)


def longer_step(checkpoint: Checkpoint, prompt: Prompt) -> Iterator[Question]:
    """Ask where a step leads that is ten times as long.

    Args:
        checkpoint: The model that learns.
        prompt: The text on the screen; other texts follow.
    """
    for text in _texts(checkpoint, prompt):
        for shorter, optimizer in product((1, 10, 100), OPTIMIZERS):
            rule = LearningRule(optimizer, RATES[0])
            sweep = sweep_of(checkpoint.model, text.tokens, rule, RATES)
            rate = sweep.times(sweep.best, 1 / shorter)
            longer = sweep.times(rate, 10)
            one, other = sweep.after(rate), sweep.after(longer)
            is_ten_times = math.isclose(longer, 10 * rate, rel_tol=0.01)
            if not is_ten_times or abs(other - one) < 0.05 or one > sweep.before:
                continue
            answer = 0 if other < one else 1 if other < sweep.before else 2
            yield Question(
                "learning.longer_step",
                f"One step of {optimizer} with step size {_number(rate)} lowers the "
                f"loss of {text.named} from {_number(sweep.before)} to {_number(one)} "
                f"nats. Now the step is ten times as long: {_number(longer)}. What "
                "happens to the loss?",
                OUTCOMES,
                answer,
                f"With the longer step it goes from {_number(sweep.before)} to "
                f"{_number(other)} nats. The slope holds only near the weights where "
                "it was measured.",
                text.at(SIZES, optimizer=optimizer, rate=longer, _rate_of=None),
            )


def checks(checkpoint: Checkpoint, prompt: Prompt) -> list[Iterator[Question]]:
    """Ask what a token costs, where a weight goes, and how optimizers differ.

    Args:
        checkpoint: The model that learns.
        prompt: The text on the screen; other texts follow.
    """
    return [
        _cost(checkpoint, prompt),
        _new_weight(checkpoint, prompt),
        _farther(checkpoint, prompt),
    ]


def recall(checkpoint: Checkpoint) -> list[Iterator[Question]]:
    """Ask what can be worked out without the figures, about texts of the model's."""
    for _, tokens in corpora.other_prompts(checkpoint, LENGTH):
        prompt = Prompt(tokens, checkpoint.tokenizer.pieces(tokens))
        return checks(checkpoint, prompt)[:2]
    return []


def _texts(checkpoint: Checkpoint, prompt: Prompt) -> Iterator[_Text]:
    """Yield the text on the screen, then others."""
    yield _Text(*prompt)
    for words, tokens in corpora.other_prompts(checkpoint, LENGTH):
        yield _Text(tokens, checkpoint.tokenizer.pieces(tokens), words)


def _cost(checkpoint: Checkpoint, prompt: Prompt) -> Iterator[Question]:
    """Ask what a token adds to the sum that the loss is the mean of."""
    for text in _texts(checkpoint, prompt):
        backward = backward_of(checkpoint.model, text.tokens)
        for label in (-backward.losses).argsort(kind="stable").tolist():
            p = float(backward.probabilities[label])
            right = -math.log(p)
            if right < 0.05:
                continue
            others = {1 - p, right / math.log(10), right / len(backward.losses)}
            values = sorted({right, *others})
            yield Question(
                "learning.cost",
                f"In {text.named}, the model gives token {label + 1}, "
                f"**{plain(display_piece(text.pieces[label + 1]))}**, a probability "
                f"of {_number(p)}. What is the loss at this token, in nats?",
                told_apart(values),
                values.index(right),
                f"It is −ln {_number(p)}: the less likely the token was, the higher.",
                text.at(LOSS),
            )


def _steps(
    checkpoint: Checkpoint, prompt: Prompt
) -> Iterator[tuple[_Text, dict[str, MatrixStep], int]]:
    """Yield texts, one matrix after a step of either optimizer, and a number."""
    matrix = first_matrix(checkpoint)
    rules = LearningRule("SGD", 0.1), LearningRule("AdamW", 0.001)
    for text in _texts(checkpoint, prompt):
        steps = {
            rule.optimizer: step_of(checkpoint, text.tokens, rule, matrix)
            for rule in rules
        }
        for number in range(CELLS):
            yield text, steps, number


def _new_weight(checkpoint: Checkpoint, prompt: Prompt) -> Iterator[Question]:
    """Ask for a weight after one step of SGD."""
    for text, steps, number in _steps(checkpoint, prompt):
        step = steps["SGD"]
        cells = step.largest_gradients(CELLS)
        if number >= len(cells):
            continue
        cell, lr = cells[number], step.settings["lr"]
        w, g = float(step.weight[cell]), float(step.gradient[cell])
        right = spell_step(step, *cell)[-1].value
        values = sorted({right, w + lr * g, w - g, w * (1 - lr)})
        yield Question(
            "learning.new_weight",
            f"In {step.matrix.name}, the weight in row {cell[0]}, column {cell[1]} is "
            f"{_number(w, 4)}; for {text.named} its gradient is {_number(g, 4)}. What "
            f"is it after one step of SGD with step size {_number(lr)}?",
            told_apart(values, least=4),
            values.index(right),
            "w − lr · g: where the gradient is positive, the weight goes down.",
            text.at(STEP, optimizer="SGD", rate=lr, _rate_of=None),
        )


def _farther(checkpoint: Checkpoint, prompt: Prompt) -> Iterator[Question]:
    """Ask how far the first step moves two weights of different gradients."""
    for text, steps, number in _steps(checkpoint, prompt):
        name = "SGD" if number % 2 else "AdamW"
        cells = steps[name].largest_gradients(CELLS)
        if number + 2 >= len(cells):
            continue
        a, b = cells[number // 2], cells[number // 2 + 2]
        gradients = [abs(float(steps[name].gradient[cell])) for cell in (a, b)]
        moves = [abs(moved_by_gradient(steps[name], *cell)) for cell in (a, b)]
        times, right = gradients[0] / gradients[1], moves[0] / moves[1]
        others = {1.0, times} - {min((1.0, times), key=lambda x: abs(x - right))}
        values = sorted({right, *others, times * times, 1 / times})
        yield Question(
            "learning.farther",
            f"For {text.named}, the gradient of weight A in {steps[name].matrix.name} "
            f"is {_number(gradients[0])}, that of weight B {_number(gradients[1])}. "
            f"How many times as far as B does the first step of {name} move A, apart "
            "from the weight decay?",
            told_apart(values),
            values.index(right),
            "SGD moves a weight by its gradient times the step size. AdamW divides the "
            "gradient by the root of its mean square, which at the first step is the "
            "gradient's own size: only the sign is left.",
            text.at(STEP, optimizer=name),
        )


def _number(value: float, digits: int = 3) -> str:
    return plain(f"{value:.{digits}g}")
