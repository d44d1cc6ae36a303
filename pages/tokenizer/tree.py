"""The Tokenizer page's tree of a word, as far as it has grown."""

import streamlit as st

from minigpt.textbook.byte_pairs import joins
from minigpt.tokenizers.inspection.merge_history import MergeHistory
from minigpt.tokenizers.inspection.merge_tree import merge_tree, roots
from pages.frame import notebook, state
from pages.tokenizer.choice import MAKERS, TokenizerChoice, expression_of
from viz.components.merge_blocks.view import merge_blocks

LONGEST_WORD = 32
"""Bytes of the word whose tree is drawn."""


def show(entry: TokenizerChoice, history: MergeHistory, merges: int, text: str) -> None:
    """Show the tree of a word, as far as it has grown."""
    word = st.text_input(
        "A word's tree",
        value=longest_word(text),
        max_chars=LONGEST_WORD,
        key="tree_word",
        help="A space before a word belongs to it.",
        width=260,
        **state.BOUND,
    )
    word = shortened(word)
    nodes = merge_tree(history.tokenizer, word)
    merge_blocks(nodes, roots(nodes, merges), merges, key="merge_tree")
    notebook.show(
        "the tree",
        joins,
        f"joins({word!r}, tokenizer.merges)",
        drawn=[[n.start, n.end, n.rank] for n in nodes if n.rank is not None],
        begin=notebook.naming(tokenizer=expression_of(entry)),
        also=MAKERS,
    )


def longest_word(text: str) -> str:
    """Return the longest word of a text, with the space before it.

    >>> longest_word("a little kite")
    ' little'
    """
    word = max(text.split(), key=len, default="kite")
    return shortened(f" {word}")


def shortened(word: str) -> str:
    """Return as much of a word as its tree has room for, in whole characters."""
    return word.encode("utf-8")[:LONGEST_WORD].decode("utf-8", "ignore")
