"""All strategies side by side: one prompt, eight ways to choose, many samples."""

import streamlit as st

from minigpt.config import GenerationConfig
from minigpt.generation import Generator
from minigpt.generation.strategies import STRATEGIES, Attempt, try_each
from pages.frame import models, notebook
from pages.generation.notebook_lines import settings_literal
from pages.generation.source import GenerationInput
from viz.generation import sample_dots

MOST_TOKENS = 24
"""Each text's length at most, so that all of them come soon."""

SAMPLES = 15
"""Texts of each strategy that draws: one or two alone may be luck."""


def show(source: GenerationInput, config: GenerationConfig) -> None:
    """Show what each strategy writes, or the button that lets them."""
    length = min(config.max_new_tokens, MOST_TOKENS)
    base = GenerationConfig(
        max_new_tokens=length, stop_at_eos=config.stop_at_eos, seed=config.seed
    )
    wanted = (source.identity, source.last_only, base)
    if st.button("Write with all", icon=":material/view_column:", key="write_all"):
        st.session_state["_attempts"] = (wanted, write_all(source, base))
    known, attempts = st.session_state.get("_attempts", (None, []))
    if known != wanted:
        names = ", ".join(STRATEGIES)
        st.caption(
            f"{names}: each continues this prompt by up to {length} tokens, and those "
            f"that draw do so {SAMPLES} times. Of the settings, only length, end and "
            "seed are used here."
        )
        return
    draw(source, base, attempts)


def write_all(source: GenerationInput, base: GenerationConfig) -> list[Attempt]:
    """Let every strategy write, and say which one is at it."""
    attempts: list[Attempt] = []
    names = [*STRATEGIES, "done"]
    bar = st.progress(0.0, names[0])
    with models.turn_to_write():
        for attempt in try_each(source.generator, source.prompt, base, SAMPLES):
            attempts.append(attempt)
            bar.progress(len(attempts) / len(STRATEGIES), names[len(attempts)])
    bar.empty()
    return attempts


def minus(value: float) -> str:
    """Write a number that is below 0 with a true minus sign."""
    return f"{value:.2f}".replace("-", "−")


def draw(
    source: GenerationInput, base: GenerationConfig, attempts: list[Attempt]
) -> None:
    """Show two numbers of every text as dots, and a typical text of each strategy."""
    names = [attempt.name for attempt in attempts]
    likely, varied = st.columns(2)
    means = [attempt.mean_log_probs for attempt in attempts]
    likely.vega_lite_chart(sample_dots(names, means, "mean log p (nats)").spec)
    shares = [attempt.distinct_shares for attempt in attempts]
    varied.vega_lite_chart(sample_dots(names, shares, "different words ÷ words").spec)
    st.caption(
        "A dot is one text, the printed line the median. Greedy and beam search leave "
        "nothing to chance: they write one text."
    )
    notebook.show(
        "strategies",
        try_each,
        "{attempt.name: attempt.mean_log_probs for attempt in "
        f"try_each(generator, {source.prompt!r}, {settings_literal(base)}, "
        f"{SAMPLES})}}",
        begin=source.opening,
        also=[GenerationConfig, Generator],
        drawn=dict(zip(names, means, strict=True)),
    )
    for attempt in attempts:
        with st.container(border=True, gap="xxsmall"):
            middle = attempt.middle
            alone = len(attempt.samples) == 1
            which = "its only text" if alone else "a typical text"
            st.caption(
                f"**{attempt.name}** · {which} · mean log p "
                f"{minus(middle.mean_log_prob)} nats"
            )
            st.text(middle.generation.text)
