"""The glossary: the words of the course, found while reading any page."""

import re
from collections.abc import Sequence
from functools import lru_cache

import streamlit as st

from pages.frame.glossary_terms import TERMS, Term


@st.dialog("Glossary", width="medium", icon=":material/menu_book:")
def show() -> None:
    """Show the words, and a field to search among them."""
    wanted = st.text_input(
        "Search", key="_glossary_search", placeholder="attention, hook_q, nats …"
    )
    found = search(wanted)
    if not found:
        st.caption("This word is not in the glossary. Try a shorter part of it.")
    with st.container(height=420, border=False, key="glossary"):
        for term in found:
            where = f"  \n`{term.where}`" if term.where else ""
            st.markdown(f"**{term.name}** — {term.words}{where}")


def offer(text: str) -> None:
    """Show the glossary's terms that a text uses; a click on one says what it means.

    Args:
        text: Markdown.
    """
    names = [term.name for term in used_in(text)]
    if not names:
        return
    chosen = st.pills("Look up a word", names, key="_looked_up", wrap=True)
    for term in TERMS:
        if term.name == chosen:
            st.caption(f"**{term.name}**: {term.words}")


@lru_cache(64)
def used_in(text: str) -> Sequence[Term]:
    """Return the terms that a text uses, in the order in which they come.

    >>> [term.name for term in used_in("Scores become weights. The **softmax** …")]
    ['score', 'weight', 'softmax']
    """
    found = {
        term.name: place.start()
        for term in TERMS
        if (place := re.search(rf"\b{re.escape(term.name)}s?\b", text, re.IGNORECASE))
    }
    used = [term for term in TERMS if term.name in found]
    return tuple(sorted(used, key=lambda term: found[term.name]))


def search(wanted: str) -> list[Term]:
    """Return the terms that a search means: by name first, then by their words.

    >>> [term.name for term in search("hook_q")]
    ['query']
    """
    wanted = wanted.strip().casefold()
    named = [term for term in TERMS if wanted in term.name.casefold()]
    told = [
        term
        for term in TERMS
        if term not in named and wanted in f"{term.words} {term.where}".casefold()
    ]
    return named + told
