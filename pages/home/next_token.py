"""The one question a language model answers: what comes next?"""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.reading.prompt import append_token
from pages.frame import writing
from pages.frame.guard import show_note
from viz.components.next_tokens.view import next_tokens


def show(checkpoint: Checkpoint, prompt: str) -> None:
    """Show the likeliest next tokens of a prompt; a click appends one."""
    step, warnings = writing.next_step(checkpoint, prompt)
    for warning in warnings:
        show_note(warning)

    def append(token: int) -> None:
        st.session_state["prompt"] = append_token(checkpoint.tokenizer, prompt, token)

    candidates = writing.as_step(step)["alternatives"]
    next_tokens(
        [candidate["piece"] for candidate in candidates],
        [candidate["token"] for candidate in candidates],
        [candidate["raw"] for candidate in candidates],
        key="next_token",
        on_pick=append,
    )
    st.caption(
        f"Probability of each next token; entropy {step.entropy:.2f} nats. Click a "
        "token: it is appended, and the model reads again."
    )
