"""All strategies side by side: one prompt, one seed, eight ways to choose."""

import streamlit as st

from minigpt.config import GenerationConfig
from minigpt.generation import Generator
from minigpt.generation.strategies import STRATEGIES, Attempt, try_each
from pages.frame import models, notebook
from pages.generation.notebook_lines import settings_literal
from pages.generation.source import GenerationInput
from viz.generation import strategy_bars

MOST_TOKENS = 200
"""Each text's length at most, so that eight of them come soon."""


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
            f"{names}: each writes up to {length} tokens from this prompt, with seed "
            f"{base.seed}. Of the settings, only length, end and seed are used here."
        )
        return
    draw(source, base, attempts)


def write_all(source: GenerationInput, base: GenerationConfig) -> list[Attempt]:
    """Let every strategy write, and say which one is at it."""
    attempts: list[Attempt] = []
    names = [*STRATEGIES, "done"]
    bar = st.progress(0.0, names[0])
    with models.turn_to_write():
        for attempt in try_each(source.generator, source.prompt, base):
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
    """Show two numbers of each strategy as bars, and below them what it wrote."""
    names = [attempt.name for attempt in attempts]
    likely, varied = st.columns(2)
    means = [attempt.mean_log_prob for attempt in attempts]
    likely.altair_chart(strategy_bars(names, means, "mean log p (nats)"))
    shares = [attempt.distinct_share for attempt in attempts]
    varied.altair_chart(strategy_bars(names, shares, "different words ÷ words"))
    notebook.show(
        "strategies",
        try_each,
        "{attempt.name: attempt.mean_log_prob for attempt in "
        f"try_each(generator, {source.prompt!r}, {settings_literal(base)})}}",
        begin=source.opening,
        also=[GenerationConfig, Generator],
        drawn=dict(zip(names, means, strict=True)),
    )
    for attempt in attempts:
        with st.container(border=True, gap="xxsmall"):
            mean = minus(attempt.mean_log_prob)
            st.caption(
                f"**{attempt.name}** · mean log p {mean} nats · "
                f"{attempt.distinct} different of {attempt.words} words · "
                f"{len(attempt.generation.tokens)} tokens in {attempt.seconds:.2f} s"
            )
            st.text(attempt.generation.text)
