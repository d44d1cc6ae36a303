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
from pages.frame import lesson, models, opening, state
from pages.frame.controls import tour
from pages.frame.guard import guard
from pages.frame.look import present
from pages.frame.questions import check, predict
from pages.generation import (
    cache,
    one_token,
    prompts,
    questions,
    strategies,
    text,
    tree,
)
from pages.generation import tour as generation_tour
from pages.generation.numbers import opening_of
from pages.generation.settings import choose_settings
from pages.generation.source import GenerationInput, read_source, seeded, throw_again
from pages.generation.tour import ALL, CACHE, MANY, ONE, TEXT, TREE, VIEW, VIEWS


def choose_view() -> str:
    """Let the reader choose a view."""
    if "_next_view" in st.session_state:
        st.session_state[VIEW] = st.session_state.pop("_next_view")
    state.write_to_url(VIEW)
    view: str = st.segmented_control(
        "Look at",
        VIEWS,
        default=ONE,
        required=True,
        key=VIEW,
        label_visibility="collapsed",
        **state.BOUND,
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
        "After any text, the model gives **every** token a logit, and that is all it "
        "does. The rest is up to you. The repetition penalty and the temperature "
        "**reshape** the distribution; top-k, top-p and min-p **remove** its tail, and "
        "the remaining probabilities are rescaled to add up to one.\n\nThen a token is "
        "drawn, by a race: each gets a random waiting time, and the likelier it is, "
        "the shorter its wait tends to be. The shortest wait wins, so each token wins "
        "as often as its probability says.\n\nClick an unlikely token to force it: the "
        "model goes on as if it had chosen it itself.",
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


FORMULA = r"""
\begin{gathered}
p_i = \frac{e^{\ell_i / T}}{\sum_{j \in K} e^{\ell_j / T}} \quad (i \in K) \\
\text{top-}p: \quad \sum_{i \in K} \mathrm{softmax}(\ell / T)_i \ge p
\end{gathered}
"""
FORMULA_IN_WORDS = (
    "$\\ell_i$ is the logit of token *i*, and *T* the temperature: the larger it is, "
    "the less the logits differ. *K* is the set of tokens that stay. $p_i$ is the "
    "probability of one that stays: e to its logit, divided by the sum over all that "
    "stay. Top-p takes the likeliest tokens, one after another, until their "
    "probabilities together reach *p*, and no more; top-k takes the *k* likeliest; "
    "min-p takes those that have at least a certain share of the likeliest one's "
    "probability."
)


def show_writing(view: str, source: GenerationInput) -> None:
    """Show settings and figures, explain them, and ask about them."""
    left, right = st.columns([5, 9], gap="medium")
    below = st.container()
    with left, guard():
        config, action = choose_settings()
        action.button(
            "Generate",
            type="primary",
            icon=":material/play_arrow:",
            width="stretch",
            key="generate",
            on_click=_begin,
        )
        config = seeded(config)
        with right, guard():
            if st.session_state.pop("_begins", False):
                text.start(source, config)
            show_view(view, source, config)
    with below:
        explain()
        lesson.formula(FORMULA, FORMULA_IN_WORDS)
        check(questions.checks(source.checkpoint, source.expected))


def _begin() -> None:
    """Begin a new text, with another seed if chance gives it."""
    throw_again()
    st.session_state["_next_view"] = TEXT
    st.session_state["_begins"] = True


tour_button = lesson.open(
    "Generation",
    "The model gives probabilities; **you** decide how to choose from them.",
)
with guard():
    checkpoint = models.chosen()
    found = opening.begin(opening_of, checkpoint)
    above = beside = st.container()
    if present.is_on():  # A projector has more width than height.
        above, beside = st.columns([4, 9], vertical_alignment="bottom")
    with above:
        source = read_source(checkpoint)
    with beside:
        view = choose_view()
    tour.offer(tour_button, lambda: generation_tour.stops(source))
    if view == CACHE:
        cache.show(source)
    elif predict(
        questions.how_often(checkpoint, source.expected),
        questions.second(checkpoint, source.expected),
    ):
        if found is not None and not present.is_on():
            opening.offer(
                found,
                "Opened on a prompt after which much is possible: at temperature 0.5 "
                f"the likeliest token has probability {found.effects['cold']:.2f}, at "
                f"temperature 2 only {found.effects['hot']:.2f}.",
            )
        show_writing(view, source)
