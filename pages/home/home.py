"""Home: what this is, a prompt on its journey through the model, and the course.

Learning goal: the stream is added to, never replaced; only the last road predicts.
"""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.openings.opening import Opening
from minigpt.interpret.stream.journey import journey
from minigpt.model import Block, TransformerLM
from pages.frame import course_path, lesson, models, notebook, opening, state
from pages.frame.controls import tour
from pages.frame.guard import guard, show_note
from pages.frame.questions import check
from pages.frame.reading import may_cut
from pages.home import journey as journey_sheet
from pages.home import next_token, zoom
from pages.home import tour as home_tour
from pages.home.numbers import follow, opening_of
from pages.home.questions import checks


def show_journey(checkpoint: Checkpoint, prompt: str) -> None:
    """Show the roads of the prompt's tokens; below the path, ask about them."""
    if not isinstance(checkpoint.model, TransformerLM):
        show_note(
            "This model is an MLP: it mixes the last few tokens with fixed weights. "
            "There is no path to follow here, only its prediction."
        )
        next_token.show(checkpoint, prompt)
        return
    tokens = read_tokens(checkpoint, prompt)
    found = follow(checkpoint.model, tokens)
    selected = journey_sheet.show(checkpoint, found, tokens)
    tour.offer(
        tour_button,
        lambda: home_tour.stops(checkpoint, found, tokens, selected),
        "New here? Take the 90-second tour",
    )
    with below:
        st.subheader("One token, close up", anchor=False)
        zoom.show(checkpoint, found, tokens, selected)
        journey_sheet.show_numbers(checkpoint, found, tokens, selected)
        explain()
        check(checks(checkpoint, tokens))


WORDS = """
To guess the next token, a model needs more than the one just before. So it carries a
list of numbers, a **vector**, for every token, and keeps adding what it finds out. Each
row is such a vector: a **residual stream**. It starts as the token's own vector, its
**embedding**.

Two kinds of parts add to it. **Attention** brings in what earlier tokens found out; an
**MLP** works on one row alone. Together they make a **block**. Nothing is overwritten.

Every row guesses the token after it, but inside the text that token is known: **only
the last row predicts something new**. Click its guess: it is appended, and the model
runs again. That is how it writes.
"""


def explain() -> None:
    """Say what the sheet shows."""
    lesson.explain(WORDS, Block, journey)


def open_at_a_known_ending() -> Opening | None:
    """Begin with a text whose next token the chosen model knows."""
    checkpoint = models.chosen()
    if not isinstance(checkpoint.model, TransformerLM):
        return None
    return opening.begin(opening_of, checkpoint)


def offer_opening(found: Opening | None) -> None:
    """Say why the page begins with this text, or offer the way to it."""
    if found is None:
        return
    share, alone = found.effects["probability"], found.effects["alone"]
    opening.offer(
        found,
        "A text that this model did not learn from. The model gives the right next "
        f"token probability {share:.3f}; after the last token alone, only {alone:.2g}. "
        "The tokens before it make the difference.",
    )


def read_tokens(checkpoint: Checkpoint, prompt: str) -> list[int]:
    """Return the tokens: the end of a prompt that is too long, if the reader agrees."""
    model, tokenizer, _ = checkpoint
    tokens, longest = tokenizer.encode(prompt), model.config.max_seq_len
    if unknown := tokenizer.unknown(prompt):
        show_note(models.unknown_words(unknown))
    last_only = may_cut(len(tokens), longest)
    notebook.read_last(longest if last_only else None)
    return tokens[-longest:] if last_only else tokens


tour_button = lesson.open(
    "A language model you can see through",
    "**minigpt** is a small GPT that learns from your text, on this machine, in "
    "minutes. **Every number on the screen is a real tensor** of a model that you can "
    "train yourself.",
)
sheet, path, below = st.container(), st.container(key="course"), st.container()
with sheet, guard():
    known = open_at_a_known_ending()
    prompt = state.prompt_input("Type the beginning of a text: what comes next?")
    offer_opening(known)
    show_journey(models.chosen(), prompt)
with path:
    course_path.show()
