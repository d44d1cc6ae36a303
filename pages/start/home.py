"""Home: what this is, where to go, and a model that answers at once."""

import streamlit as st

from pages.frame import models, next_token, state
from pages.frame.guard import guard

CARDS = (
    (
        "pages/train/training.py",
        ":material/trending_down:",
        "Train",
        "Take the built-in stories or bring a text. Watch the loss fall and the heads "
        "form.",
    ),
    (
        "pages/inside/head_explorer.py",
        ":material/grid_view:",
        "Look inside",
        "See where every head looks in your sentence, down to the exact weight.",
    ),
    (
        "pages/write/generation.py",
        ":material/edit_note:",
        "Write",
        "Choose how the next token is drawn, and change history with a click.",
    ),
)

st.title("A language model you can see through")
st.markdown(
    "**minigpt** is a small GPT that learns from your text, on this machine, in "
    "minutes. **Every number on the screen is a real tensor** of a model that you can "
    "train yourself."
)

live, ways = st.columns([2, 1], gap="large")
with ways:
    for number, (page, icon, title, words) in enumerate(CARDS, start=1):
        with st.container(border=True, key=f"card_{number}"):
            st.page_link(page, label=title, icon=icon)
            st.caption(words)
with live:
    st.subheader("What comes next?", anchor=False)
    with guard():
        prompt = state.prompt_input("Type the beginning of a text")
        next_token.show(models.chosen(), prompt)
