"""Tokenizer: how a text becomes numbers, and why it depends on what was read before.

Learning goal: pieces are learned from a text, so the same word splits differently after
different training.
"""

import streamlit as st

from minigpt.tokenizers import (
    AdaptedTokenizer,
    BPETokenizer,
    CharTokenizer,
    Tokenizer,
    WordTokenizer,
)
from minigpt.tokenizers.byte_pair import definition
from minigpt.tokenizers.storage import exported
from pages.frame import lesson, models, state
from pages.frame.controls import tour
from pages.frame.guard import guard, show_note
from pages.frame.questions import check, predict
from pages.tokenizer import (
    compare,
    compare_questions,
    merges,
    motion,
    pieces,
    questions,
)
from pages.tokenizer import new as tokenizer_new
from pages.tokenizer import tour as tokenizer_tour
from pages.tokenizer.choice import TokenizerChoice, choose, tokenizer_of
from pages.tokenizer.tour import MERGES, MOTION, PIECES, TWO, VIEW, VIEWS

SOURCES = {
    "bpe": (
        definition.train,
        definition.join_all,
        definition.encode,
        definition.decode,
        definition.vocabulary,
        definition.split_into_bytes,
    ),
    "word": (WordTokenizer,),
    "char": (CharTokenizer,),
    "adapted": (AdaptedTokenizer,),
}


def choose_view() -> str:
    """Show what there is to do on this page, and return what the reader does."""
    return st.segmented_control(
        "View",
        VIEWS,
        default=PIECES,
        required=True,
        key=VIEW,
        label_visibility="collapsed",
        **state.BOUND,
    )


def offer_file(tokenizer: Tokenizer) -> None:
    """Offer the tokenizer as a file."""
    theirs = (
        "Hugging Face's format: `tokenizers` and `transformers` produce the same ids."
    )
    st.download_button(
        "tokenizer.json",
        lambda: exported(tokenizer),
        file_name="tokenizer.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        key="export_tokenizer",
        help="This project's format." if tokenizer.kind == "word" else theirs,
    )


def show_view(
    view: str, entry: TokenizerChoice, tokenizer: Tokenizer, text: str
) -> bool:
    """Ask before one of the page's views is shown; return whether it was shown."""
    if view == PIECES:
        asked = questions.count(tokenizer, text)
        if not predict(asked, seen=questions.after_the_count(tokenizer, text)):
            return False
        if unknown := tokenizer.unknown(text):
            show_note(pieces.lost(tokenizer, unknown))
        pieces.show(entry, tokenizer, text, models.chosen())
    elif view == MOTION:
        if isinstance(tokenizer, BPETokenizer) and not predict(
            questions.first_merge(tokenizer, motion.beginning(text))
        ):
            return False
        motion.show(entry, tokenizer, text)
    elif view == MERGES:
        merges.show(entry, text)
    elif view == TWO:
        beside = choose("Compare with", "other_tokenizer", compare.PROGRAMS_PLACE)
        other = tokenizer_of(beside)
        names = (entry.name, beside.name)
        if not predict(compare_questions.fewer(tokenizer, other, names)):
            return False
        compare.show_two((entry, tokenizer), (beside, other), text)
    else:
        if not predict(compare_questions.scripts(tokenizer)):
            return False
        compare.show_scripts(entry, tokenizer)
    return True


WORDS = """
Why not one token per letter, or one per word? One token per character needs only a
small vocabulary, but makes long sequences. One token per word makes short sequences,
but loses every new word. **Byte-pair encoding** (BPE) is in between. It starts with 256
bytes, so nothing is ever lost, and repeatedly merges the most frequent pair of
neighbouring tokens into a new one. Frequent words end up whole, rare ones in parts.

So the tokens show what a tokenizer was trained on. Look at *Compare*: one trained on
stories has *kite* as a token, one trained on programs has *number*. The **same word is
split differently after different training**.
"""

tour_button = lesson.open(
    "Tokenizer",
    "A model reads numbers, not letters. A tokenizer splits text into pieces and gives "
    "each a number; it learns the pieces from a text.",
)
with guard():
    which, prompt = st.columns([4, 5])
    with which:
        entry = choose("Tokenizer", "tokenizer")
    with prompt:
        text = state.prompt_input("Text")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        view = choose_view()
        st.space("stretch")
        with st.popover("New tokenizer", icon=":material/add:"):
            new = st.container()
        file = st.container(width="content")
    work = st.container()
    with new:
        tokenizer_new.show(work)
    with work:
        tokenizer = tokenizer_of(entry)
    tour.offer(tour_button, lambda: tokenizer_tour.stops(entry, tokenizer, text))
    with guard():
        with st.container(key=tokenizer_tour.SHOWN):
            is_shown = show_view(view, entry, tokenizer, text)
        if is_shown:
            with file:  # whoever has it can look every answer up
                offer_file(tokenizer)
            lesson.explain(WORDS, *SOURCES[tokenizer.kind])
            check(questions.checks(tokenizer))
