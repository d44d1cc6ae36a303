"""The tour of "How a weight learns": from a loss back to one weight, and on from there.

Every step in it is taken by plain gradient descent, but for the stop that shows AdamW.
"""

import math

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.learning.arithmetic import spell_step
from minigpt.interpret.learning.backward import BackwardPass
from minigpt.interpret.learning.matrices import busiest, matrices_of
from minigpt.interpret.learning.steps import LearningRule, MatrixStep, RateSweep
from minigpt.interpret.provenance.working import bare
from minigpt.interpret.provenance.working import number as operand
from minigpt.model import TransformerLM
from pages.frame.controls.tour import Stop
from pages.frame.words import number, quoted
from pages.learning.gradients import LOSS_CELL
from pages.learning.numbers import (
    AGAIN,
    AT_ONCE,
    GRADIENT,
    LOSS,
    RATES,
    SIZES,
    STEP,
    Prompt,
    backward_of,
    begin_with,
    first_matrix,
    learned_of,
    step_of,
    sweep_of,
)
from pages.learning.one_step import ARITHMETIC, CELL, SHOWN
from pages.learning.repeat import STEPS_OF
from pages.learning.settings import RATE_OF, rate_of
from viz.learning.grids import short_name
from viz.probabilities import probability_text

VIEW, FIGURE = "learning_view", "learning_figure"
"""The key of the page's choice of a view, and of the region that shows it."""

ADAMW_RATE = 0.001
"""A usual step size of AdamW."""


def stops(checkpoint: Checkpoint, prompt: Prompt) -> list[Stop]:
    """Write the tour of one prompt that is learned.

    Args:
        checkpoint: The model that learns.
        prompt: The text.
    """
    backward = backward_of(checkpoint.model, prompt.tokens)
    sweep = sweep_of(
        checkpoint.model, prompt.tokens, LearningRule("SGD", RATES[0]), RATES
    )
    return [
        *_loss(prompt, backward),
        *_gradient(prompt, backward),
        *_step(checkpoint, prompt, sweep.best),
        _size(prompt, sweep),
        _again(checkpoint, prompt, sweep.best),
    ]


def _loss(prompt: Prompt, backward: BackwardPass) -> list[Stop]:
    """Say what a wrong guess costs."""
    best, worst = int(backward.losses.argmin()), int(backward.losses.argmax())
    p = probability_text(float(backward.probabilities[best]))
    return [
        Stop(
            "loss_of_tokens",
            "The model reads this text and says after each token what it expects next. "
            "The upper row shows the probability that it gave to the token that really "
            f"came. It was most certain of {quoted(prompt.pieces[best + 1])}: {p}. (A "
            "dot stands for a space.)",
            {VIEW: LOSS, LOSS_CELL: (prompt.tokens, (0, best))},
        ),
        Stop(
            "loss_of_tokens",
            "The lower row says how surprised it was: 0 if it was certain, and higher "
            "the less it expected the token. The biggest surprise is "
            f"{quoted(prompt.pieces[worst + 1])}, with "
            f"{number(backward.losses[worst])} nats. The mean over all tokens, "
            f"{number(backward.loss)}, is called the loss. To learn is to make it "
            "smaller.",
            {LOSS_CELL: (prompt.tokens, (1, worst))},
        ),
    ]


def _gradient(prompt: Prompt, backward: BackwardPass) -> list[Stop]:
    """Follow the gradient from the end to the beginning."""
    names = [short_name(hook) for hook in backward.hooks][::-1]
    middle = (len(names) - 1) // 2
    place = int(backward.norms[:, 0].argmax())
    return [
        Stop(
            FIGURE,
            "Which numbers in the model should change, and which way? Begin at the "
            "end, with the scores for the next token: the right one should be higher, "
            "all others lower. How strongly the loss depends on a number is called its "
            "gradient. Darker cells depend more.",
            {VIEW: GRADIENT, "reached": names[0]},
        ),
        Stop(
            FIGURE,
            "Each part of the model passes its gradient back to the part before it. "
            f"Read from right to left: after {middle} such steps it has come to "
            f"“{names[middle]}”. This is the backward pass.",
            {"reached": names[middle]},
        ),
        Stop(
            FIGURE,
            f"After {len(names) - 1} steps it is at the beginning, where tokens become "
            "lists of numbers. There the loss depends most on "
            f"{quoted(prompt.pieces[place])}. One pass back is enough for all numbers "
            "of the model at once.",
            {"reached": names[-1]},
        ),
    ]


def _step(checkpoint: Checkpoint, prompt: Prompt, rate: float) -> list[Stop]:
    """Take one step, and look at a few weights of one matrix."""
    matrix, rule = first_matrix(checkpoint), LearningRule("SGD", rate)
    step = step_of(checkpoint, prompt.tokens, rule, matrix)
    (steepest, row, column), (other, *place) = _two_weights(step)
    gradient, line = float(step.gradient[row, column]), spell_step(step, *place)[-1]
    rises = gradient > 0
    return [
        Stop(
            "matrix_gradient",
            f"Here is a part of one matrix, {matrix.name}: the weights with the "
            f"largest gradients. The one that is marked has {operand(gradient)}. It is "
            f"{'above' if rises else 'below'} zero, so the loss "
            f"{'rises' if rises else 'falls'} if this weight grows. It should become "
            f"{'smaller' if rises else 'larger'}.",
            _at_first_matrix(checkpoint)
            | _rule(prompt, rule)
            | {CELL: ((matrix, prompt.tokens, rule), steepest)},
        ),
        Stop(
            ARITHMETIC,
            "So every weight goes a little against its gradient. This one, in row "
            f"{place[0]}, column {place[1]}, becomes {line.arithmetic}, which is "
            f"{bare(line.value)}. The {bare(rate)} is the step size, the same for all "
            "weights. This rule is called SGD, stochastic gradient descent.",
            {CELL: ((matrix, prompt.tokens, rule), other)},
        ),
        _adamw(checkpoint, prompt),
    ]


def _two_weights(step: MatrixStep) -> list[tuple[tuple[int, int], int, int]]:
    """Return the two largest gradients of the part of a matrix that is shown.

    Returns:
        Of each the cell on the screen, then the row and column in the matrix.
    """
    rows, columns = busiest(step.gradient, *SHOWN)
    part = abs(step.gradient[rows][:, columns])
    order = (-part).argsort(axis=None, kind="stable")
    cells = [divmod(int(at), len(columns)) for at in (order[0], order[1 % part.size])]
    return [((i, j), int(rows[i]), int(columns[j])) for i, j in cells]


def _adamw(checkpoint: Checkpoint, prompt: Prompt) -> Stop:
    """Take the step by another rule."""
    matrix, rule = first_matrix(checkpoint), LearningRule("AdamW", ADAMW_RATE)
    step = step_of(checkpoint, prompt.tokens, rule, matrix)
    rows, columns = busiest(step.gradient, *SHOWN)
    moved = abs(step.update[rows][:, columns])
    return Stop(
        "matrix_update",
        "There are other rules. This one, AdamW, divides every gradient by its usual "
        "size. So in a first step all weights move about equally far, whether their "
        f"gradient is large or small: here by {bare(float(moved.min()))} to "
        f"{bare(float(moved.max()))}.",
        _rule(prompt, rule),
    )


def _size(prompt: Prompt, sweep: RateSweep) -> Stop:
    """Go too far."""
    longer = sweep.times(sweep.best, 10)
    after = sweep.after(longer)
    led = number(after) if math.isfinite(after) else "beyond all numbers"
    return Stop(
        FIGURE,
        "How long should a step be? One curve is what the gradient promises, the other "
        "what really happens, and they agree only for short steps. A step size "
        f"of {bare(sweep.best)} is best here: the loss goes from "
        f"{number(sweep.before)} to {number(sweep.after(sweep.best))}. With "
        f"{bare(longer)}, which is marked now, it goes to {led}.",
        {VIEW: SIZES} | _rule(prompt, LearningRule("SGD", longer)),
    )


def _again(checkpoint: Checkpoint, prompt: Prompt, rate: float) -> Stop:
    """Take the step again and again."""
    rule = LearningRule("SGD", rate)
    losses = learned_of(checkpoint.model, prompt.tokens, rule, AT_ONCE).losses
    taken = min(AT_ONCE, len(losses) - 1)
    return Stop(
        FIGURE,
        f"Training is this step again and again. After {taken} of them the loss has "
        f"gone from {number(losses[0])} to {number(losses[taken])}, on this one text. "
        "All of it happens in a copy, so your model stays as it is. Your turn: start "
        "over, and try another step size.",
        {VIEW: AGAIN, "steps": taken, STEPS_OF: (prompt.tokens, rule)}
        | _rule(prompt, rule),
    )


def _at_first_matrix(checkpoint: Checkpoint) -> dict[str, object]:
    """Return the settings that show the matrix to begin with."""
    name = begin_with(list(matrices_of(checkpoint.model, 0, 0)))
    head = {"head": 0} if isinstance(checkpoint.model, TransformerLM) else {}
    return {VIEW: STEP, "layer": 0, "matrix": name, **head}


def _rule(prompt: Prompt, rule: LearningRule) -> dict[str, object]:
    """Return the settings that choose a rule."""
    return {
        "optimizer": rule.optimizer,
        "rate": rule.rate,
        RATE_OF: rate_of(rule.optimizer, prompt),
    }
