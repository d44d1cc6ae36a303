"""A challenge: find the narrowest beam that beats greedy decoding."""

from dataclasses import replace

import streamlit as st

from pages.beam_search.numbers import Searched, Source, searched

SAME = 0.005
"""Nats: sums that are nearer than this are the same text's, or as good."""


def show(source: Source, found: Searched) -> None:
    """State the challenge, and say whether this beam meets it; the model is the judge.

    Args:
        source: The prompt, and the settings of the search.
        found: What it found.
    """
    is_met = beats_greedy(found) and not _narrower_beats_greedy(source)
    with st.container(border=True, key="challenge_done" if is_met else "challenge"):
        if is_met:
            st.markdown(
                "**✓ Challenge met.** This beam finds a text that is likelier than "
                "greedy’s, and after this prompt no narrower one does."
            )
            return
        st.markdown(
            "**Challenge.** Find the narrowest beam whose best text is likelier than "
            "greedy’s. "
            + (
                "This beam finds such a text, but a narrower one does too."
                if beats_greedy(found)
                else "This beam finds none: try a wider one, or another prompt."
            )
        )


def beats_greedy(found: Searched) -> bool:
    """Tell whether the best text found is likelier, as a whole, than greedy's."""
    return found.best.cumulative - found.greedy.cumulative > SAME


def _narrower_beats_greedy(source: Source) -> bool:
    config = source.config
    return any(
        beats_greedy(searched(replace(source, config=config.replace(num_beams=width))))
        for width in range(2, config.num_beams)
    )
