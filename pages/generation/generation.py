"""Generation: the model gives a distribution; you choose how the next token is drawn.

Learning goal: the model never chooses. Greedy, sampling and beam search do.
"""

import streamlit as st

from minigpt.config import GenerationConfig
from minigpt.generation.filters import (
    drop_below_min_p,
    filter_stages,
    keep_top_k,
    keep_top_p,
    penalize_repetition,
    scale_by_temperature,
)
from minigpt.generation.sample import draw_token, next_token
from minigpt.generation.window import run_modules
from pages.frame import lesson, models
from pages.frame.guard import guard
from pages.frame.look import present
from pages.frame.questions import check, predict
from pages.generation import one_token, prompts, questions, strategies, text, tree
from pages.generation.settings import choose_settings
from pages.generation.source import GenerationInput, read_source, seeded, throw_again

ONE, TEXT, TREE, ALL, MANY = (
    "one token",
    "a text",
    "20 continuations",
    "all strategies",
    "many prompts",
)


def choose_view() -> str:
    """Let the reader choose a view."""
    if "_next_view" in st.session_state:
        st.session_state["generation_view"] = st.session_state.pop("_next_view")
    view: str = st.segmented_control(
        "Look at",
        [ONE, TEXT, TREE, ALL, MANY],
        default=ONE,
        required=True,
        key="generation_view",
        label_visibility="collapsed",
        persist_state="session",
    )
    return view


def show_view(view: str, source: GenerationInput, config: GenerationConfig) -> None:
    """Show one of the page's figures."""
    if view == TEXT:
        text.show(source)
    elif view == TREE:
        tree.show(source, config)
    elif view == ALL:
        strategies.show(source, config)
    elif view == MANY:
        prompts.show(source, config)
    elif config.strategy == "beam":
        st.caption("Beam search does not sample: it keeps several texts at once.")
        st.page_link(
            "pages/beam_search/beam_search.py",
            label="See it step by step on the Beam search page",
            icon=":material/arrow_forward:",
        )
    else:
        one_token.show(source, config)


def explain() -> None:
    """Say what the figures show."""
    lesson.explain(
        "After any text, the model gives **every** token a logit, and that is "
        "all it does. The rest is up to you. The repetition penalty and the "
        "temperature **reshape** the distribution; top-k, top-p and min-p "
        "**remove** its tail, and the remaining probabilities are rescaled to "
        "add up to one. Then a token is drawn: each gets a random waiting time, "
        "divided by its probability, and the first to arrive wins.\n\nClick an "
        "unlikely token to force it: the model reads what is there and goes on "
        "as if it had chosen that token itself.",
        next_token,
        run_modules,
        filter_stages,
        penalize_repetition,
        scale_by_temperature,
        keep_top_k,
        keep_top_p,
        drop_below_min_p,
        draw_token,
    )


def ask(source: GenerationInput, config: GenerationConfig) -> None:
    """Ask for a guess above the figures, and for more below them."""
    if config.strategy == "beam":
        return
    draw = one_token.opened(source, config)
    tokenizer = source.checkpoint.tokenizer
    pieces = tokenizer.pieces(list(range(tokenizer.vocab_size)))
    with below if present.is_on() else above:
        predict([questions.how_often(draw, config, pieces)])
    with below:
        explain()
        check([[each] for each in questions.checks(draw, pieces)])


lesson.open(
    "Generation",
    "The model gives probabilities; **you** decide how to choose from them.",
)
with guard():
    source = read_source(models.chosen())
    above = st.container()
    left, right = st.columns([5, 9], gap="medium")
    below = st.container()
    with left, guard():
        config, action = choose_settings()
        if action.button(
            "Generate",
            type="primary",
            icon=":material/play_arrow:",
            width="stretch",
            key="generate",
        ):
            throw_again()
            st.session_state["_next_view"] = TEXT
            text.start(source, seeded(config))
        config = seeded(config)
        with right, guard():
            show_view(choose_view(), source, config)
        ask(source, config)
