"""The settings of one generation, strategy by strategy."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.config import GenerationConfig
from pages.frame import state
from pages.frame.controls import settings

STRATEGIES = {
    "greedy": "Always the likeliest token. The same prompt gives the same text.",
    "sampling": "Draws from the distribution, after these filters in this order.",
    "beam": (
        "Keeps several texts at once and returns the one that is likeliest as a whole."
    ),
}
ROWS = {
    "greedy": (("repetition_penalty",), ("max_new_tokens",)),
    "sampling": (
        ("repetition_penalty",),
        ("temperature", "top_k"),
        ("top_p", "min_p"),
        ("max_new_tokens", "seed"),
    ),
    "beam": (
        ("num_beams",),
        ("length_penalty",),
        ("early_stopping",),
        ("max_new_tokens",),
    ),
}
"""Fields side by side; the filters in the order in which they apply."""


def in_session(config: GenerationConfig) -> dict[str, object]:
    """Return the session's state in which these fields say how to draw a token."""
    names = [name for row in ROWS["sampling"] for name in row]
    return {"strategy": config.strategy} | {
        f"generate.{name}": getattr(config, name) for name in names
    }


def choose_settings() -> tuple[GenerationConfig, DeltaGenerator]:
    """Let the reader choose a strategy and its settings.

    Returns:
        The settings, and the place above their fields for a button that uses them.

    Raises:
        ConfigError: If a setting is out of range.
    """
    base = GenerationConfig()
    state.write_to_url("strategy")
    strategy = st.segmented_control(
        "Strategy",
        list(STRATEGIES),
        default=base.strategy,
        required=True,
        key="strategy",
        width="stretch",
        **state.BOUND,
    )
    st.caption(STRATEGIES[strategy])
    action = st.container()
    values = {}
    for row in ROWS[strategy]:
        values |= settings.edit_some(base, "generate", row, columns=len(row))
    values["stop_at_eos"] = settings.field(base, "stop_at_eos", "generate")
    return GenerationConfig(strategy=strategy, **values), action
