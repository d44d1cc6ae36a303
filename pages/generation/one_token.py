"""One token: from the model's logits through the filters to the draw."""

import streamlit as st

from minigpt.config import GenerationConfig
from minigpt.generation import filters
from minigpt.generation.opened_draw import OpenedDraw
from pages.frame import notebook, provenance
from pages.frame.look import present
from pages.generation import source as sources
from pages.generation import tour
from pages.generation.notebook_lines import settings_literal
from pages.generation.numbers import draw_of
from pages.generation.source import GenerationInput
from viz.components.filter_stages.view import FilterBars, filter_stages
from viz.tokens import display_piece

SHOWN, SHOWN_ON_A_PROJECTOR = 12, 7
"""Tokens that have a bar of their own."""


def opened(source: GenerationInput, config: GenerationConfig) -> OpenedDraw:
    """Return the draw that comes next, opened.

    Raises:
        ConfigError: If the strategy draws nothing.
    """
    written = sources.written(source)
    return draw_of(source.checkpoint.model, source.tokens, config, written)


def show(source: GenerationInput, config: GenerationConfig) -> None:
    """Show the next draw, and let the reader put a token behind the text."""
    tokenizer = source.checkpoint.tokenizer
    draw, written = opened(source, config), sources.written(source)
    shown = draw.shown(SHOWN_ON_A_PROJECTOR if present.is_on() else SHOWN)

    def put(token: int) -> None:
        sources.write(source, [*written, token])

    def back() -> None:
        sources.write(source, written[:-1])

    bars = FilterBars(
        draw,
        shown,
        tokenizer.pieces(shown),
        chain=chain(config),
        prompt=source.prompt,
        written=tokenizer.pieces(written),
        ends=len(written) + 1 >= config.max_new_tokens
        or (config.stop_at_eos and draw.token == tokenizer.eos_id),
        stage=st.session_state.get(tour.STAGE),
    )
    filter_stages(bars, key=tour.BARS, on_put=put, on_back=back)
    show_below(source, config, draw, shown, written)


def show_below(
    source: GenerationInput,
    config: GenerationConfig,
    draw: OpenedDraw,
    shown: list[int],
    written: list[int],
) -> None:
    """Show the code, the seed of the draw, and where a logit comes from."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        notebook.show(
            "one token",
            filters.filter_stages,
            f"{{stage.name: stage.probabilities[0, {shown}] for stage in "
            f"filter_stages(model(torch.tensor([{draw.read}]))[:, -1], "
            f"torch.tensor([{draw.text}]), {settings_literal(config)})}}",
            also=[GenerationConfig],
            drawn={
                stage.name: [float(stage.probabilities[token]) for token in shown]
                for stage in draw.stages
            },
        )
        if draw.waits is not None:
            st.button(
                f"Draw again (seed {config.seed})",
                icon=":material/casino:",
                type="tertiary",
                on_click=sources.forget_seed,
            )
        if written:
            st.button(
                "Back to the prompt",
                icon=":material/undo:",
                type="tertiary",
                on_click=sources.write,
                args=(source, []),
            )
    _trace(source, draw, shown)


def _trace(source: GenerationInput, draw: OpenedDraw, shown: list[int]) -> None:
    """Let the reader choose a token, and show where its logit comes from."""
    pieces = source.checkpoint.tokenizer.pieces(shown)
    traced = st.selectbox(
        "Trace the logit of",
        shown,
        index=shown.index(draw.token),
        format_func=lambda token: display_piece(pieces[shown.index(token)]),
        key=f"_traced_{hash((source.identity, *shown, draw.token))}",
        width=220,
    )
    place = len(draw.read) - 1
    provenance.show(source.checkpoint, draw.read, "logits", (0, place, traced))


def chain(config: GenerationConfig) -> list[tuple[str, str]]:
    """Name every stage in the order in which they apply, with its setting."""

    def named(title: str, setting: float | None) -> str:
        off = setting is None or config.strategy == "greedy"
        return title if off else f"{title} {setting:g}"

    penalty = None if config.repetition_penalty == 1 else config.repetition_penalty
    return [
        ("model", "logits"),
        ("repetition_penalty", f"repetition {penalty:g}" if penalty else "repetition"),
        ("temperature", named("temperature", config.temperature)),
        ("top_k", named("top-k", config.top_k)),
        ("top_p", named("top-p", config.top_p)),
        ("min_p", named("min-p", config.min_p)),
    ]
