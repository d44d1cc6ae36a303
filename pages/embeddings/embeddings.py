"""Embeddings and positions: what a token is to the model, and how it knows the order.

Learning goal: a token is a point in a space, and order must be told.
Aha: without positions, one layer gives "dog bites man" and "man bites dog" the same
answer.
"""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.openings.embeddings import NEAREST, EmbeddingOpening
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
from pages.embeddings import (
    order_questions,
    position_questions,
    positions,
    questions,
    shuffle,
    tokens,
)
from pages.embeddings import tour as embeddings_tour
from pages.embeddings.numbers import (
    PromptTokens,
    neighbours_of,
    opening_of,
    order_of,
    read_any,
)
from pages.embeddings.tour import PART, PARTS, POSITIONS, SHUFFLE, TOKENS
from pages.frame import lesson, models, opening, state
from pages.frame.controls import tour
from pages.frame.guard import guard
from pages.frame.questions import check, predict
from pages.frame.words import plain
from viz.tokens import display_piece

TOKEN_WORDS = """
A model cannot calculate with letters. So each token gets a list of numbers, a
**vector**: one row of a table, its **embedding**. The numbers start out random, and
training moves them like all other weights. Tokens that are used alike are pushed alike,
so they can end up pointing in the same direction.

How alike two directions are is measured by their **cosine**: 1 for the same direction,
0 for a right angle. It compares all dimensions; a flat picture shows only two. The
**unembedding** is a second table: the model's last vector is compared with its rows to
predict the next token. In some models both are one table.
"""

POSITION_WORDS = """
Attention is a weighted average, and an average has no order. So the model must be told
where each token stands, and there are three ways to do it. A vector for each position
can be **added to the embedding** (learned, sinusoidal). Queries and keys can be
**rotated** (RoPE). Or a number can be **added to each score** (ALiBi, relative).

The last two depend only on the **distance** between two tokens. A distance means the
same anywhere in a text, even beyond the length of the training texts.
"""

SHUFFLE_WORDS = """
One layer without positions gives "dog bites man." and "man bites dog." the same answer:
their last token, the full stop, gathers a **weighted average** of the same values, and
an average does not depend on the order.

From the second layer on, the causal mask reveals the order even without positions: each
token has read only those before it, so what it passes on depends on where it stood.
"""

WINDOW_WORDS = """
This model has no attention, so it needs no positions to be added. It joins the
embeddings of its last few tokens into one long vector, and a token's **place in that
vector** is its position. Shuffling tokens inside this window changes the vector; tokens
before it are never read.
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
            key=PART,
            **state.BOUND,
        )
    )


def show_tokens(checkpoint: Checkpoint, text: PromptTokens) -> None:
    """Ask which token is nearest; then show tokens as points."""
    chosen = tokens.choose_token(checkpoint, text)
    about = (checkpoint, text.tokens, chosen.token, chosen.which)
    if not predict(questions.nearest(*about)):
        return
    found = neighbours_of(checkpoint, chosen.which, chosen.token)
    tokens.show(checkpoint, text, chosen, found)
    lesson.explain(TOKEN_WORDS, TokenEmbedding)
    lesson.formula(FORMULA, FORMULA_IN_WORDS)
    check(questions.token_checks(*about))


FORMULA = (
    r"\cos(a, b) = \frac{a \cdot b}{\lVert a \rVert \, \lVert b \rVert} "
    r"= \frac{\sum_i a_i b_i}{\sqrt{\sum_i a_i^2} \, \sqrt{\sum_i b_i^2}}"
)
FORMULA_IN_WORDS = (
    "*a* and *b* are the vectors of two tokens. Above the line is their dot product: "
    "multiply them number by number, and add up. Dividing by their lengths, below the "
    "line, leaves only the directions. The cosine is one for the same direction, zero "
    "at a right angle, and minus one for opposite directions."
)


def show_positions(checkpoint: Checkpoint, reading: Reading) -> None:
    """Ask what distance does; then show one scheme, drawn and measured."""
    scheme, place = positions.choose(checkpoint, reading)
    if not predict(position_questions.distance(checkpoint, scheme, place)):
        return
    positions.show(checkpoint, reading, scheme, place)
    own = checkpoint.model.config.positional_encoding
    lesson.explain(POSITION_WORDS, SOURCES[own])
    check(position_questions.position_checks(checkpoint, reading.tokens))


def show_shuffle(checkpoint: Checkpoint, text: PromptTokens) -> None:
    """Ask what another order changes; then show the prompt in both."""
    seed = shuffle.chosen_shuffle()
    order = order_of(text.tokens, seed)
    shuffle.show_orders(text, order)
    about = (checkpoint, text.tokens, seed)
    if not predict(order_questions.one_layer(*about)):
        return
    shuffle.show(checkpoint, text, shuffle.run_tests(checkpoint, text.tokens, order))
    if text.reading is None:
        lesson.explain(WINDOW_WORDS, MLPLM)
    else:
        lesson.explain(SHUFFLE_WORDS, without_positions)
    check(order_questions.order_checks(*about))


def own_state(checkpoint: Checkpoint, found: EmbeddingOpening) -> dict[str, str]:
    """Return the table that an opening is about; where they are tied there is one."""
    return {} if checkpoint.model.ties_embeddings else {"embedding_table": found.table}


def say_opening(checkpoint: Checkpoint, found: EmbeddingOpening) -> str:
    """Say why the page opened at its token. Markdown."""
    token = checkpoint.tokenizer.encode(found.prompt)[found.token]
    piece = plain(display_piece(checkpoint.tokenizer.pieces([token])[0]))
    together, chance = found.effects["together"], found.effects["chance"]
    if found.effects["gap"] <= 0:
        return (
            f"Opened at **{piece}**, which forms the closest group with its {NEAREST} "
            f"nearest tokens; but they are no nearer to each other (mean cosine "
            f"{together:.2f}) than chance allows ({chance:.2f}): the embedding of this "
            "model shows no groups."
        )
    return (
        f"Opened at **{piece}** in the {found.table}: it and its {NEAREST} nearest "
        "tokens form the closest group in the text that was searched (mean cosine "
        f"{together:.2f}; by chance {chance:.2f})."
    )


tour_button = lesson.open(
    "Embeddings and positions",
    "A token becomes a **vector**, a point in space; its place in the text "
    "must be **added**.",
)
with guard():
    checkpoint = models.chosen()
    found = opening.begin(
        opening_of, checkpoint, lambda found: own_state(checkpoint, found)
    )
    prompt, choice = st.columns([5, 4], vertical_alignment="bottom")
    with choice:
        part = choose_part(checkpoint)
    with prompt:
        text = read_any(checkpoint)
    tour.offer(tour_button, lambda: embeddings_tour.stops(checkpoint, text))
    with guard():
        if part == TOKENS:
            if found is not None:
                words = say_opening(checkpoint, found)
                opening.offer(found, words, **own_state(checkpoint, found))
            show_tokens(checkpoint, text)
        elif part == POSITIONS and text.reading is not None:
            show_positions(checkpoint, text.reading)
        else:
            show_shuffle(checkpoint, text)
