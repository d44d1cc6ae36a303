"""The Tokenizer page's second view: the reader's own text, merged step by step."""

import streamlit as st

from minigpt.tokenizers import AdaptedTokenizer, BPETokenizer, Tokenizer
from minigpt.tokenizers.inspection.merge_tree import merge_tree
from minigpt.tokenizers.inspection.replay import replay
from pages.frame import notebook
from pages.frame.guard import show_note
from pages.frame.place import shared_place
from pages.frame.words import plain
from pages.tokenizer.choice import MAKERS, TokenizerChoice, expression_of
from pages.tokenizer.pieces import closed
from viz.components.merge_motion.view import merge_motion

LONGEST = 120
"""Bytes of the text that are merged here: what a screen holds."""
STEP = "joins"
"""The key of how many merges of the text are made."""


def show(entry: TokenizerChoice, tokenizer: Tokenizer, text: str) -> None:
    """Show the view: the bytes of the text, and every merge that joins some of them."""
    if isinstance(tokenizer, AdaptedTokenizer):
        show_note(closed(tokenizer))
        return
    if not isinstance(tokenizer, BPETokenizer):
        unit = "words" if tokenizer.kind == "word" else "characters"
        show_note(
            f"This tokenizer splits a text into {unit} at once: it learned no merges. "
            "Choose a byte-pair (BPE) tokenizer above."
        )
        return
    shown = beginning(text)
    nodes = merge_tree(tokenizer, shown)
    steps = replay(nodes)
    step = shared_place(STEP, range(len(steps) + 1), 0)
    merge_motion(nodes, steps, step, key="merge_motion", on_step=_stay)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        known = steps[step - 1].needed if step else 0
        ids = tokenizer.limited_to(known).encode(shown)
        notebook.show(
            "the pieces so far",
            tokenizer.encode,
            f"tokenizer.limited_to({known}).encode({shown!r})",
            drawn=ids,
            begin=notebook.naming(tokenizer=expression_of(entry)),
            also=MAKERS,
        )
        whole = ""
        if tokenizer.rules.whole_words:
            whole = (
                " Where a whole word is in its vocabulary, this tokenizer takes it "
                "without any merge."
            )
        cut = "" if shown == text else f" Only the first {LONGEST} bytes are shown."
        st.caption(
            f"The merges of **{plain(entry.name)}**, in the order in which it learned "
            f"them. Those that find no pair in this text are passed over.{whole}{cut}"
        )


def beginning(text: str) -> str:
    """Return as much of a text as the view has room for, in whole characters."""
    return text.encode("utf-8")[:LONGEST].decode("utf-8", "ignore")


def _stay(step: int) -> None:
    st.session_state[STEP] = step
