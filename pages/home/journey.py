"""The journey on Home: the prompt's roads, and what a click on them does."""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.reading.prompt import append_token
from minigpt.interpret.stream.journey import Journey, JourneyStage
from minigpt.textbook.stream import stream_norms
from pages.frame import notebook, provenance, state
from pages.frame.controls import keyboard
from pages.frame.place import shared_place
from pages.frame.words import plain
from viz.components.journey.view import JourneyClick, JourneySheet, norm_table
from viz.components.journey.view import journey as journey_sheet
from viz.tokens import display_piece

WAYS = {
    "embedding": "pages/logit_lens/logit_lens.py",
    "attention": "pages/attention/attention.py",
    "MLP": "pages/block/block.py",
    "blocks": "pages/block/block.py",
}
"""Which page opens a stage."""


def show(checkpoint: Checkpoint, found: Journey, tokens: list[int]) -> int:
    """Show the sheet, and return the token whose numbers are printed on it."""
    tokenizer = checkpoint.tokenizer
    selected = shared_place("token", range(len(tokens)), len(tokens) - 1)
    ids = found.expected[-1].tolist()
    prompt = state.get("prompt", state.DEFAULT_PROMPT)

    def click(clicked: JourneyClick) -> None:
        if clicked.what == "token":
            st.session_state["token"] = clicked.value
        elif clicked.what == "append":
            st.session_state["prompt"] = append_token(tokenizer, prompt, clicked.value)
            st.session_state.pop("token", None)
        else:
            _open(found.stages[clicked.value])

    sheet = JourneySheet(
        tokenizer.pieces(tokens),
        found.stages,
        found.d_model,
        [tokenizer.pieces(row) for row in found.expected.tolist()],
        found.probabilities,
        ids,
    )
    journey_sheet(
        sheet,
        key="journey",
        selected=selected,
        nudges=st.session_state.get("_journey_nudges", 0),
        on_click=click,
    )
    keyboard.offer(token=len(tokens))
    keyboard.on_next(_nudge)
    return selected


def show_numbers(
    checkpoint: Checkpoint, found: Journey, tokens: list[int], selected: int
) -> None:
    """Show the norms as a table, the lines behind them, and one number's origin."""
    with st.container(horizontal=True, vertical_alignment="center"):
        hooks = [stage.stream_name for stage in found.stages]
        notebook.show(
            "journey",
            stream_norms,
            f"stream_norms(model, tokens, {hooks})",
            drawn=[stage.stream for stage in found.stages],
        )
        with st.popover("Every norm", icon=":material/table:", type="tertiary"):
            pieces = checkpoint.tokenizer.pieces(tokens)
            st.dataframe(norm_table(pieces, found.stages), hide_index=True)
    _trace_guess(checkpoint, found, tokens, selected)


def _trace_guess(
    checkpoint: Checkpoint, found: Journey, tokens: list[int], selected: int
) -> None:
    """Show where the probability at the end of the selected row comes from."""
    best = int(found.expected[selected][0])
    own, guess = checkpoint.tokenizer.pieces([tokens[selected], best])
    st.caption(
        f"The row of “{plain(display_piece(own))}” ends in "
        f"“{plain(display_piece(guess))}”, with probability "
        f"{found.probabilities[selected][0]:.3f}. It is computed from this logit and "
        "those of all other tokens:"
    )
    provenance.show(checkpoint, tokens, "logits", (0, selected, best))


def _open(stage: JourneyStage) -> None:
    """Open the page that explains a stage."""
    state.go_to(WAYS[stage.kind], layer=stage.layers[0])


def _nudge() -> None:
    """Count a press of Space: the sheet goes one hook on."""
    pressed = st.session_state.get("_journey_nudges", 0)
    st.session_state["_journey_nudges"] = pressed + 1
