"""Embeddings and positions: what a token is to the model, and how it knows the order.

Learning goal: a token is a point in a space, and order must be told.
Aha: without positions, one layer gives "dog bites man" and "man bites dog" the same
answer.
"""

from contextlib import suppress

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.positions.word_order import without_positions
from minigpt.interpret.reading.prompt import Reading
from minigpt.model import MLPLM, TransformerLM
from minigpt.model.embedding import TokenEmbedding
from minigpt.model.positions import (
    AlibiBias,
    LearnedPositions,
    RelativeBias,
    RotaryPositions,
    SinusoidalPositions,
    causal_mask,
)
from pages.embeddings import positions, questions, shuffle, tokens
from pages.embeddings.numbers import (
    PromptTokens,
    components_of,
    neighbours_of,
    read_any,
    turning_of,
)
from pages.frame import lesson, models, state
from pages.frame.guard import guard
from pages.frame.look import present
from pages.frame.questions import Question, check, predict

TOKENS, POSITIONS, SHUFFLE = "Tokens", "Positions", "Shuffle the words"
PARTS = (TOKENS, POSITIONS, SHUFFLE)

# A question, where this model and prompt have a clear answer to it.
Asked = Question | None

WORDS = """
A token's **embedding** is one row of a learned table. Training can move tokens with
similar uses closer together. A cosine compares all dimensions; a picture shows two.

Attention is a **weighted average**, and an average has no order: one layer without
positions cannot tell "dog bites man" from "man bites dog". So the model is given the
order: by a vector added to each embedding, by rotating queries and keys, or by a number
added to each score. The last two depend only on **distance**, so they also work in
longer texts.

From the second layer on, the causal mask reveals the order as well: what each token has
read depends on where it stood.
"""

WINDOW_WORDS = """
A token's **embedding** is one row of a learned table. Training can move tokens with
similar uses closer together. A cosine compares all dimensions; a flat picture shows
only two.

This model has no attention and so no positions to add: it joins the embeddings of its
last few tokens into one long vector, and a token's **place in that vector** is its
position. Shuffling tokens inside the window changes the vector; tokens before the
window are never read.
"""

SOURCES = {
    "learned": LearnedPositions,
    "sinusoidal": SinusoidalPositions,
    "rope": RotaryPositions,
    "alibi": AlibiBias,
    "relative": RelativeBias,
    "none": causal_mask,
}


def choose_part(checkpoint: Checkpoint) -> str:
    """Show the page's parts, and return one."""
    return str(
        st.segmented_control(
            "Part",
            PARTS if isinstance(checkpoint.model, TransformerLM) else (TOKENS, SHUFFLE),
            default=TOKENS,
            required=True,
            key="embeddings_part",
            **state.BOUND,
        )
    )


def show_tokens(checkpoint: Checkpoint, text: PromptTokens) -> tuple[Asked, Asked]:
    """Show tokens as points; return what is asked before and after."""
    chosen = tokens.choose_token(checkpoint, text)
    found = neighbours_of(checkpoint, chosen.which, chosen.token)
    tokens.show(checkpoint, text, chosen, found)
    drawn, _ = tokens.drawn_tokens(checkpoint, text, chosen, found)
    components, _ = components_of(checkpoint.model, chosen.which, drawn)
    pieces = checkpoint.tokenizer.pieces(found.tokens)
    return (
        questions.nearest(chosen.piece, found, pieces),
        questions.variance(components, len(drawn)),
    )


def show_positions(checkpoint: Checkpoint, reading: Reading) -> Asked:
    """Show one scheme, drawn and measured; return what is asked before."""
    scheme, place = positions.choose(checkpoint, reading)
    positions.show(checkpoint, reading, scheme, place)
    return positions.distance_question(checkpoint, scheme, place)


def show_shuffle(checkpoint: Checkpoint, text: PromptTokens) -> Asked:
    """Show the prompt in two orders; return what is asked before."""
    tests = shuffle.run_tests(checkpoint, text)
    shuffle.show(checkpoint, text, tests)
    return questions.one_layer(tests.bare[1]) if 1 in tests.bare else None


def final_questions(checkpoint: Checkpoint, text: PromptTokens) -> list[Asked]:
    """Return what is asked at the end of every part."""
    config, reading = checkpoint.model.config, text.reading
    tests = None
    with suppress(DataError):  # a prompt with one order alone is not asked about
        tests = shuffle.run_tests(checkpoint, text)
    if reading is None:
        return [
            questions.window(config),
            questions.window_order(None if tests is None else tests.model),
            questions.window_weights(config),
        ]
    last = len(text.tokens) - 1
    turning = None
    with suppress(DataError):  # heads of an odd width have no pairs to turn
        before = max(0, last - 1)
        turning = turning_of(checkpoint.model, text.tokens, 0, 0, last, before)
    return [
        questions.two_layers(None if tests is None else tests.bare.get(2)),
        questions.rope_distance(turning, last, max(0, last - 1)),
        questions.beyond(config),
        questions.learned_numbers(config),
        questions.alibi_cost(config),
    ]


lesson.open(
    "Embeddings and positions",
    "A token becomes a **vector**, a point in space; its place in the text "
    "must be **added**.",
)
with guard():
    checkpoint = models.chosen()
    prompt, choice = st.columns([5, 4], vertical_alignment="bottom")
    with choice:
        part = choose_part(checkpoint)
    with prompt:
        text = read_any(checkpoint)
    # What is asked about a figure stands above it; on a projector, below.
    above, figures, below = st.container(), st.container(), st.container()
    first: Asked = None
    last: Asked = None
    with figures, guard():
        if part == TOKENS:
            first, last = show_tokens(checkpoint, text)
        elif part == POSITIONS and text.reading is not None:
            first = show_positions(checkpoint, text.reading)
        else:
            first = show_shuffle(checkpoint, text)
    if first is not None:
        with below if present.is_on() else above:
            predict([first])
    if text.reading is None:
        lesson.explain(WINDOW_WORDS, TokenEmbedding, MLPLM)
    else:
        scheme = checkpoint.model.config.positional_encoding
        lesson.explain(WORDS, TokenEmbedding, SOURCES[scheme], without_positions)
    asked = [last, *final_questions(checkpoint, text)]
    check(
        [
            [each]
            for each in [question for question in asked if question is not None][:3]
        ]
    )
