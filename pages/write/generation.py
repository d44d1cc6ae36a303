"""Generation: the model gives a distribution; you choose how the next token is drawn.

Learning goal: the model never chooses. Greedy, sampling and beam search do.
"""

import streamlit as st

from minigpt.config import GenerationConfig
from pages.frame import beams, models, settings, state
from pages.frame.guard import guard, show_note
from pages.frame.writing import MOMENT, Writing, as_step
from viz.components import token_stream
from viz.components.token_stream import Force

STRATEGIES = {
    "greedy": "Always the likeliest token. The same prompt gives the same text.",
    "sampling": "Draws from the distribution, after these filters in this order.",
    "beam": "Keeps several texts at once and returns the likeliest whole.",
}
FIELDS = {
    "greedy": ("repetition_penalty",),
    "sampling": (
        "temperature",
        "repetition_penalty",
        "top_k",
        "top_p",
        "min_p",
        "seed",
    ),
    "beam": ("num_beams", "length_penalty", "early_stopping"),
}


def choose_settings() -> GenerationConfig:
    """Let the reader choose a strategy and its settings."""
    base = GenerationConfig()
    strategy = st.segmented_control(
        "Strategy",
        list(STRATEGIES),
        default=base.strategy,
        required=True,
        key="strategy",
        width="stretch",
        persist_state="session",
    )
    st.caption(STRATEGIES[strategy])
    names = ("max_new_tokens", *FIELDS[strategy])
    values = settings.edit_some(base, "generate", names, columns=2)
    values["stop_at_eos"] = settings.field(base, "stop_at_eos", "generate")
    return GenerationConfig(strategy=strategy, **values)


def start(config: GenerationConfig) -> None:
    """Begin a new text."""
    st.session_state.pop("_writing", None)
    checkpoint, prompt = models.chosen(), state.get("prompt", "")
    st.session_state["_writing"] = (
        beams.search(checkpoint, prompt, config)
        if config.strategy == "beam"
        else Writing(checkpoint, prompt, config)
    )


def force(choice: Force) -> None:
    """Put another token into the text, and write on from there."""
    st.session_state["_writing"] = st.session_state["_writing"].forced(choice)


def show_writing() -> None:
    """Write for a moment, and show what there is."""
    with guard():
        writing: Writing = st.session_state["_writing"]
        was_done = writing.done
        writing.advance()
        show_stream(writing)
        if writing.done and not was_done:
            st.rerun()


def show_stream(writing: Writing) -> None:
    """Show the text so far, its alternatives, and how it ended."""
    for warning in writing.warnings:
        show_note(warning)
    if any(step.forgot for step in writing.steps):
        show_note(
            "The text outgrew what the model reads at once: it went on from the "
            "newer half and forgot the older."
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(writing.progress())
        st.space("stretch")
        if not writing.done:
            st.button("Stop", icon=":material/stop:", on_click=writing.stop)
    token_stream(
        [as_step(step) for step in writing.steps],
        key="written",
        prompt=writing.prompt,
        on_force=force,
    )


def show_result() -> None:
    """Show what was written, or is being written, last."""
    written = st.session_state.get("_writing")
    if isinstance(written, Writing):
        every = None if written.done else MOMENT
        st.fragment(show_writing, run_every=every)()
        st.download_button(
            "Download the text",
            lambda: written.text,
            "minigpt.txt",
            icon=":material/download:",
            on_click="ignore",
        )
    elif written is not None:
        beams.show(written, models.chosen().tokenizer)
    else:
        st.caption(
            "Press Generate. Each token will be tinted by its probability, and tell "
            "what else might have come."
        )


st.title("Generation")
with guard():
    models.chosen()
    state.prompt_input()
    left, right = st.columns([2, 3], gap="large")
    with left, guard():
        config = choose_settings()
        if st.button(
            "Generate",
            type="primary",
            icon=":material/play_arrow:",
            width="stretch",
            key="generate",
        ):
            start(config)
    with right:
        show_result()
