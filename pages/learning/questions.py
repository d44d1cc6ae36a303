"""Predict and Check of "How a weight learns", answered by this model and prompt."""

import math

from minigpt.interpret.learning.arithmetic import moved_by_gradient, spell_step
from minigpt.interpret.learning.backward import BackwardPass
from minigpt.interpret.learning.steps import MatrixStep, RateSweep
from pages.frame.questions import Question
from pages.frame.words import plain
from viz.tokens import display_piece


def longer_step(sweep: RateSweep, optimizer: str) -> Question:
    """Ask where a step leads that is ten times as long as the best.

    Args:
        sweep: Steps of all sizes.
        optimizer: Its name.
    """
    best, rate = sweep.best, sweep.ten_times(sweep.best)
    one, other = sweep.after(best), sweep.after(rate)
    answer = 0 if other < one else 1 if other < sweep.before else 2
    before = plain(f"{sweep.before:.3g}")
    return Question(
        "learning.longer_step",
        f"One step of {optimizer} with lr = {_number(best)} lowers the loss of this "
        f"prompt from {before} to {_number(one)} nats. Now the step is ten times as "
        f"long, lr = {_number(rate)}. What happens to the loss?",
        ["it falls further", "it falls, but less", "it rises"],
        answer,
        f"With the longer step it goes from {before} to {_number(other)} nats. The "
        "slope holds only near the weights where it was measured.",
    )


def checks(
    backward: BackwardPass, pieces: list[str], sgd: MatrixStep, adamw: MatrixStep
) -> list[Question]:
    """Ask what a token costs, where a weight goes, and how two optimizers differ.

    Args:
        backward: The prompt's loss.
        pieces: Its tokens' texts.
        sgd: The first step of SGD in a matrix.
        adamw: The first step of AdamW in the same matrix.
    """
    order = sgd.largest_gradients(count=4)
    return [
        cost(backward, pieces, int(backward.losses.argmax())),
        new_weight(sgd, order[0]),
        _same_way(sgd, adamw, order),
    ]


def cost(backward: BackwardPass, pieces: list[str], label: int) -> Question:
    """Ask what a token adds to the sum that the loss is the mean of.

    Args:
        backward: The prompt's loss.
        pieces: Its tokens' texts.
        label: Which next token, the first is 0.
    """
    p = float(backward.probabilities[label])
    right = -math.log(p)
    values = {right, 1 - p, right / math.log(10), right / len(backward.losses)}
    options, answer = _told_apart(right, values)
    return Question(
        "learning.cost",
        f"The model gives **{plain(display_piece(pieces[label + 1]))}** a probability "
        f"of {_number(p)}. What is the loss at this token, in nats?",
        options,
        answer,
        f"It is −ln {_number(p)}: the less likely the token was, the higher.",
    )


def new_weight(step: MatrixStep, cell: tuple[int, int]) -> Question:
    """Ask for a weight after one step of SGD.

    Args:
        step: Of SGD.
        cell: Row and column.
    """
    w, g, lr = float(step.weight[cell]), float(step.gradient[cell]), step.settings["lr"]
    right = spell_step(step, *cell)[-1].value
    options, answer = _told_apart(right, {right, w + lr * g, w - g, w * (1 - lr)})
    return Question(
        "learning.new_weight",
        f"A weight is {_number(w, 4)} and its gradient {_number(g, 4)}. What is it "
        f"after one step of SGD with lr = {_number(lr)}?",
        options,
        answer,
        "w − lr · g: where the gradient is positive, the weight goes down.",
    )


def _same_way(
    sgd: MatrixStep, adamw: MatrixStep, cells: list[tuple[int, int]]
) -> Question:
    """Ask how far AdamW moves two weights of different gradients at its first step."""
    one, other = cells[0], cells[-1]
    times = abs(float(sgd.gradient[one] / sgd.gradient[other]))
    moves = [abs(moved_by_gradient(adamw, *cell)) for cell in (one, other)]
    ratio = moves[0] / moves[1]
    options, answer = _told_apart(ratio, {ratio, times, times * times, 1 / times})
    return Question(
        "learning.adamw",
        f"The gradient of weight A is {_number(times)} times that of weight B, so SGD "
        "moves A that many times as far. How many times as far does the first step of "
        "AdamW move it, apart from the weight decay?",
        options,
        answer,
        "AdamW divides the gradient by the root of its mean square. At the first step "
        "that is the gradient's own size, so only its sign is left.",
    )


def _told_apart(right: float, values: set[float]) -> tuple[list[str], int]:
    """Return options in order, and which is right; those that print alike are one."""
    printed = {f"{value:.3g}": value for value in sorted(values)}
    printed[f"{right:.3g}"] = right
    options = sorted(printed, key=printed.__getitem__)
    return options, options.index(f"{right:.3g}")


def _number(value: float, digits: int = 3) -> str:
    return plain(f"{value:.{digits}g}")
