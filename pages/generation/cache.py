"""The cache: what generation keeps, what it computes anew, and the time this saves."""

import streamlit as st

from minigpt.config import ModelConfig
from minigpt.generation.cache_growth import (
    CacheGrowth,
    StepTime,
    grow_cache,
    lengths_to_time,
    time_steps,
)
from minigpt.generation.window import run_modules
from minigpt.model.kv_cache import Cache, LayerCache
from pages.frame import lesson, models, notebook, provenance, state
from pages.frame.questions import check, predict
from pages.frame.remember import identity
from pages.generation import cache_questions
from pages.generation.numbers import growth_of
from pages.generation.source import GenerationInput
from viz.components.cache_growth.view import CachePicture, cache_growth
from viz.generation import step_time_lines

LONGEST, POINTS, REPEATS = 256, 9, 7
"""Tokens of the longest text that is timed; lengths; runs of each."""

WORDS = """
A model writes one token at a time. To predict the next one, the newest token's
**query** reads the **keys** and **values** of all tokens before it. Those never change:
the causal mask lets no token read what comes later, so nothing that is appended can
alter them.

Generation therefore keeps them, in the **KV cache**. Each step sends one token through
the layers instead of the whole text, and the logits are the same. **Nothing about the
past is computed twice.**

The price is memory: every layer and head keeps two vectors per token, for as long as
the text is being written. With large models and long texts, the cache can become larger
than the model.
"""


def show(source: GenerationInput) -> None:
    """Ask, then show the cache as it grows, its time, and ask again."""
    checkpoint = source.checkpoint
    growth = growth_of(checkpoint.model, source.tokens)
    if not predict(
        cache_questions.must_be_read(checkpoint, source.prompt, source.tokens)
    ):
        return
    picture, times = st.columns([3, 2], gap="medium")
    with picture:
        _show_growth(source, growth)
    with times:
        _show_times(source)
    lesson.explain(WORDS, run_modules, Cache, LayerCache)
    check(cache_questions.checks(checkpoint, source.prompt, source.tokens))


def _show_growth(source: GenerationInput, growth: CacheGrowth) -> None:
    heads = growth.keys.shape[1]
    state.keep_possible("head", range(heads), "head")
    figure = st.container()
    row = st.container(horizontal=True, vertical_alignment="bottom")
    head = row.number_input(
        "Head", 0, heads - 1, 0, key="head", width=104, **state.BOUND
    )
    with row:
        notebook.show(
            "the cache",
            grow_cache,
            f"grow_cache(model, tokens[0].tolist()).keys[:, {head}]",
            drawn=growth.keys[:, head],
        )
    picture = CachePicture(
        source.checkpoint.tokenizer.pieces(source.tokens),
        growth.keys[:, head],
        growth.values[:, head],
        head,
        heads,
        growth.bytes_per_token,
        _arithmetic(growth, source.checkpoint.model.config),
    )
    with figure:
        cache_growth(picture, key="cache_growth")
    st.caption(
        "Computed both ways, the logits of this text differ by at most "
        f"{growth.difference:.0e}, which is rounding."
    )
    _trace(source, head)


def _arithmetic(growth: CacheGrowth, config: ModelConfig) -> str:
    """Say how a token's bytes come about."""
    layers, heads, _, width = growth.keys.shape
    product = f"{layers} layers × {heads} heads × {width} numbers × 2"
    if config.token_shift:
        product = f"({product} + {config.d_model} of its embedding)"
    return f"{product} × {growth.bytes_per_number} bytes"


def _trace(source: GenerationInput, head: int) -> None:
    """Show where the newest token's value comes from, in the last layer."""
    last = source.checkpoint.model.config.num_layers - 1
    hook = f"blocks.{last}.attn.hook_v"
    index = (0, len(source.tokens) - 1, head, 0)
    provenance.show(source.checkpoint, source.tokens, hook, index)


def _show_times(source: GenerationInput) -> None:
    """Let the reader measure the next token's time, and show what was measured."""
    model = source.checkpoint.model
    st.markdown("**Time for the next token**, on this computer, with this model")
    if st.button(
        "Measure with and without the cache", icon=":material/timer:", key="time_cache"
    ):
        st.session_state["_cache_times"] = (identity(model), _measure(source))
    known, found = st.session_state.get("_cache_times", (None, []))
    if known != identity(model):
        st.caption(
            "Each length is timed several times in both ways, and the median is drawn."
        )
        return
    st.vega_lite_chart(
        step_time_lines(
            [each.length for each in found],
            {
                "with the cache": [each.with_cache for each in found],
                "without": [each.without for each in found],
            },
        ).spec
    )


def _measure(source: GenerationInput) -> list[StepTime]:
    """Time both ways, and say how far it is."""
    model = source.checkpoint.model
    longest = min(LONGEST, model.config.max_seq_len)
    lengths = lengths_to_time(longest, POINTS)
    found: list[StepTime] = []
    bar = st.progress(0.0, "Measuring …")
    with models.turn_to_write():
        for each in time_steps(model, lengths, REPEATS):
            found.append(each)
            bar.progress(len(found) / len(lengths), f"{each.length} tokens")
    bar.empty()
    return found
