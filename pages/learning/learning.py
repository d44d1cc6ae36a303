"""How a weight learns: a loss, its gradient, a step against it, and the step again.

Learning goal: one step is arithmetic, and it is the same for all weights.
"""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.learning.backward import BackwardPass, backward_pass
from minigpt.interpret.learning.steps import LearningRule
from minigpt.training.loss import next_token_loss
from minigpt.training.optimizer import Muon, orthogonalize
from minigpt.training.step import plain_step
from pages.frame import lesson, models
from pages.frame.guard import guard
from pages.frame.questions import check, predict
from pages.learning import gradients, one_step, questions, repeat
from pages.learning.numbers import backward_of
from pages.learning.settings import Chosen, Prompt, choose_rule, read_prompt

LOSS, GRADIENT, STEP, SIZES, AGAIN = VIEWS = (
    "1 The loss",
    "2 The gradient",
    "3 One step",
    "4 Its size",
    "5 Again and again",
)


def choose_view() -> str:
    """Let the reader choose how far to follow a step."""
    view: str = st.segmented_control(
        "Look at",
        VIEWS,
        default=LOSS,
        required=True,
        key="learning_view",
        label_visibility="collapsed",
        bind="query-params",
        persist_state="session",
    )
    return view


def show_view(
    checkpoint: Checkpoint, prompt: Prompt, backward: BackwardPass, chosen: Chosen
) -> None:
    """Show one of the lesson's figures."""
    view = choose_view()
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
        "The **loss** says how surprised the model was: −ln of the probability that "
        "it gave each token that came next, averaged. The **gradient** says for every "
        "number how much the loss rises if that number grows. It is worked out from "
        "the end, each block handing back what the next one gave it. One **step** then "
        "moves every weight a little against its gradient, all by the same rule. The "
        "slope is only right nearby: a short step does what it promises, a step too "
        "long makes things worse. Taken again and again, it teaches the model the "
        "prompt by heart. All this happens in a copy: the model that you chose stays "
        "as it is.",
        next_token_loss,
        backward_pass,
        plain_step,
        orthogonalize,
        Muon,
    )


def ask_checks(checkpoint: Checkpoint, prompt: Prompt, backward: BackwardPass) -> None:
    """Ask about this prompt's loss and a matrix of this model."""
    matrix = one_step.first_matrix(checkpoint)
    sgd, adamw = (
        one_step.step_of(checkpoint, prompt, rule, matrix)
        for rule in (LearningRule("SGD", 0.1), LearningRule("AdamW", 0.001))
    )
    check(questions.checks(backward, prompt.pieces, sgd, adamw))


lesson.open(
    "How a weight learns",
    "One step of learning is arithmetic, and it is the **same** for all weights.",
)
with guard():
    checkpoint = models.chosen()
    text, rule = st.columns([4, 7], gap="medium")
    with text:
        prompt = read_prompt(checkpoint)
    backward = backward_of(checkpoint.model, prompt.tokens)
    with rule:
        chosen = choose_rule(checkpoint, prompt)
    predict(questions.longer_step(chosen.sweep, chosen.rule.optimizer))
    show_view(checkpoint, prompt, backward, chosen)
    explain()
    ask_checks(checkpoint, prompt, backward)
