"""How a weight learns: a loss, its gradient, a step against it, and the step again.

Learning goal: one step is arithmetic, and it is the same for all weights.
"""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.learning.backward import BackwardPass, backward_pass
from minigpt.training.loss import next_token_loss
from minigpt.training.optimizer import Muon, orthogonalize
from minigpt.training.step import plain_step
from pages.frame import lesson, models, state
from pages.frame.controls import tour
from pages.frame.guard import guard
from pages.frame.questions import check, predict
from pages.learning import gradients, one_step, questions, repeat
from pages.learning import tour as learning_tour
from pages.learning.numbers import (
    GRADIENT,
    LOSS,
    SIZES,
    STEP,
    VIEWS,
    Prompt,
    backward_of,
)
from pages.learning.settings import Chosen, choose_rule, read_prompt


def choose_view() -> str:
    """Let the reader choose how far to follow a step."""
    view: str = st.segmented_control(
        "Look at",
        VIEWS,
        default=LOSS,
        required=True,
        wrap=True,
        key=learning_tour.VIEW,
        label_visibility="collapsed",
        **state.BOUND,
    )
    return view


def show_view(
    view: str,
    checkpoint: Checkpoint,
    prompt: Prompt,
    backward: BackwardPass,
    chosen: Chosen,
) -> None:
    """Show one of the lesson's figures."""
    if view == LOSS:
        gradients.show_loss(checkpoint, prompt, backward)
    elif view == GRADIENT:
        gradients.show_gradient(checkpoint, prompt, backward)
    elif view == STEP:
        matrix = one_step.choose_matrix(checkpoint)
        one_step.show(checkpoint, prompt, chosen, matrix)
    elif view == SIZES:
        repeat.show_sizes(chosen)
    else:
        repeat.show(checkpoint, prompt, chosen)


def explain() -> None:
    """Say what the figures show."""
    lesson.explain(
        "The **loss** says how surprised the model was: −ln of the probability that it "
        "gave each token that came next, averaged. The **gradient** says for every "
        "number how much the loss rises if that number grows. It is worked out from "
        "the end: each block turns the gradient of what it wrote into that of what it "
        "read. One **step** then moves every weight a little against its gradient, all "
        "by the same rule. The slope is only right nearby: a short step does what it "
        "promises, a step too long makes things worse. Taken again and again, it "
        "teaches the model the prompt by heart. All this happens in a copy: your model "
        "stays as it is.",
        next_token_loss,
        backward_pass,
        plain_step,
        orthogonalize,
        Muon,
    )


FORMULA = r"""
\begin{aligned}
\text{SGD:} \quad & W \leftarrow W - \text{lr} \, g \\
\text{AdamW:} \quad & m \leftarrow \beta_1 m + (1-\beta_1)\, g \\
& v \leftarrow \beta_2 v + (1-\beta_2)\, g^2 \\
& W \leftarrow W - \text{lr} \, \hat m \, / \, (\sqrt{\hat v} + \epsilon) \\
\text{Muon:} \quad & m \leftarrow \beta m + (1-\beta)\, g \\
& o = \mathrm{orthogonal}\big((1-\beta)\, g + \beta m\big) \\
& W \leftarrow W - \text{lr} \, \sqrt{\max(1, \tfrac{\text{rows}}{\text{columns}})} \; o
\end{aligned}
"""
FORMULA_IN_WORDS = (
    "*W* is a matrix of weights, *g* the gradient of the loss with respect to it, and "
    "lr the step size, or learning rate. The arrow is read as “becomes”. AdamW keeps "
    "two running averages, *m* of the gradient and *v* of its square; the hats say "
    "that both are corrected for having begun at zero, and ε is a tiny number that "
    "avoids a division by zero. So every weight moves about equally far. It also pulls "
    "weights towards zero; that weight decay is left out here. Muon makes the averaged "
    "gradient orthogonal, *o*: all directions of the matrix then move equally far. The "
    "root is larger for a tall matrix."
)


def show_figures(checkpoint: Checkpoint, prompt: Prompt) -> None:
    """Show the figures with what can be chosen, explain them, and ask about them."""
    backward = backward_of(checkpoint.model, prompt.tokens)
    left, right = st.columns([1, 1], gap="medium")
    with left:
        view = choose_view()
    with right:
        chosen = choose_rule(checkpoint, prompt)
    with st.container(key=learning_tour.FIGURE):
        show_view(view, checkpoint, prompt, backward, chosen)
    explain()
    lesson.formula(FORMULA, FORMULA_IN_WORDS)
    check(questions.checks(checkpoint, prompt))


tour_button = lesson.open(
    "How a weight learns",
    "One step of learning is arithmetic, and it is the **same** for all weights.",
)
with guard():
    checkpoint = models.chosen()
    prompt = read_prompt(checkpoint)
    tour.offer(tour_button, lambda: learning_tour.stops(checkpoint, prompt))
    if predict(questions.longer_step(checkpoint, prompt)):
        show_figures(checkpoint, prompt)
