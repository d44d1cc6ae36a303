"""Home: what this is, a prompt on its journey through the model, and the course.

Learning goal: the stream is added to, never replaced; only the last road predicts.
"""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.stream.journey import journey
from minigpt.model import Block, TransformerLM
from pages.frame import course_path, lesson, models, notebook, state
from pages.frame.controls import tour
from pages.frame.guard import guard, show_note
from pages.frame.questions import check
from pages.frame.reading import may_cut
from pages.home import journey as journey_sheet
from pages.home import next_token, zoom
from pages.home import tour as home_tour
from pages.home.questions import checks


def show_journey(checkpoint: Checkpoint, prompt: str) -> None:
    """Show the roads of the prompt's tokens; below the path, ask about them."""
    if not isinstance(checkpoint.model, TransformerLM):
        show_note(
            "This model is an MLP: it mixes the last tokens with fixed weights. "
            "There is no path to follow here, only its prediction."
        )
        next_token.show(checkpoint, prompt)
        return
    tokens = read_tokens(checkpoint, prompt)
    found = journey_sheet.follow(checkpoint.model, tokens)
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
        check([[each] for each in checks(found, checkpoint.tokenizer.pieces(tokens))])


def explain() -> None:
    """Say what the sheet shows."""
    lesson.explain(
        "Each row is one token. The model looks up a vector for it, its "
        "**embedding**, and carries that vector from left to right: this is the "
        "**residual stream**. On the way, attention and MLPs read the vector and "
        "**add** to it. Nothing is overwritten, so a later layer can still read "
        "what an earlier one added.\n\nThe rows exchange information only "
        "through attention. Every row ends in a guess at the next token, but "
        "inside the prompt that token is already known: **only the last row "
        "predicts something new**. Click its guess: the token is appended, and "
        "the model runs again. Repeating this is how it writes text.",
        Block,
        journey,
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
    prompt = state.prompt_input("Type the beginning of a text: what comes next?")
    show_journey(models.chosen(), prompt)
with path:
    course_path.show()
