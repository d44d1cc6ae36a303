"""Beam search: several texts at once, and the best whole one in the end.

Learning goal: the likeliest text is not made of the likeliest tokens. Aha: greedy's
choice is locally best and globally wrong.
"""

import streamlit as st

from minigpt.generation import beam_search
from minigpt.generation.beam.exhaustive import best_of_all
from minigpt.generation.prompt import encode_prompt
from minigpt.generation.window import run_modules
from minigpt.interpret.openings.opening import Opening
from pages.beam_search import challenge, figures, questions, settings
from pages.beam_search import tour as beam_tour
from pages.beam_search.numbers import Source, find, opening_of
from pages.frame import lesson, models, opening, state
from pages.frame.controls import tour
from pages.frame.guard import guard, show_note
from pages.frame.look import present
from pages.frame.questions import check, predict
from viz.beams import times_likelier

WORDS = """
At each step every kept text is continued by **every** token. All these candidates
compete by the sum of their ln p, and the best few go on. The rest are pruned, but the
tree still shows them.

**Greedy** is a beam of width 1: it can never take a token back. A wider beam may begin
with a less likely token and still find a likelier text. But it can lose the best text
of all (◆) by pruning its beginning.

Likelier does not mean better: the likeliest texts are often dull. And each token lowers
the sum, so short texts have an advantage; the *length penalty* makes up for that.
"""


def show_figures(source: Source, opened: Opening | None) -> None:
    """Show the tree and the texts, explain them, and ask about them."""
    if opened is not None and opened.effects["gain"] > 0 and not present.is_on():
        times = times_likelier(opened.effects["gain"])
        opening.offer(
            opened,
            "Opened on a prompt where greedy’s first choice loses: the beam’s best "
            f"text is {times} as likely as greedy’s.",
        )
    found = find(source)
    figures.show_tree(source, found)
    challenge.show(source, found)
    with st.container(key=beam_tour.TEXTS):
        figures.show_texts(source, found)
    lesson.explain(WORDS, beam_search, run_modules, best_of_all)
    lesson.formula(FORMULA, FORMULA_IN_WORDS)
    check(questions.checks(source))


FORMULA = (
    r"\text{score}(t_1 \dots t_n) = \frac{1}{n^{\alpha}} \sum_{i=1}^{n} "
    r"\ln p(t_i \mid \text{prompt}, t_1 \dots t_{i-1})"
)
FORMULA_IN_WORDS = (
    "$t_i$ is token number *i* of a continuation, and *n* its length. The vertical bar "
    "is read as “given”: each token's probability depends on all that stands before "
    "it. Probabilities are multiplied, so their logarithms are added. α is the length "
    "penalty: dividing by *n* to the power of α keeps a longer text from losing by its "
    "length alone."
)

tour_button = lesson.open(
    "Beam search",
    "The likeliest text is not always made of the likeliest tokens: keep "
    "several texts, and decide late.",
)
with guard():
    checkpoint = models.chosen()
    opened = opening.begin(opening_of, checkpoint)
    text, numbers = st.columns([4, 9], vertical_alignment="bottom")
    with text:
        prompt = state.prompt_input()
    window = checkpoint.model.config.max_seq_len
    tokens, warnings = encode_prompt(prompt, checkpoint.tokenizer, window)
    with numbers, st.container(key=beam_tour.SETTINGS):
        config = settings.choose(len(tokens), window)
    for warning in warnings:
        show_note(warning)
    source = Source(checkpoint, prompt, tokens, config)
    longest = window - len(tokens) + 1
    tour.offer(tour_button, lambda: beam_tour.stops(source, longest))
    if predict(questions.best_way_on(source), questions.gain(source)):
        show_figures(source, opened)
