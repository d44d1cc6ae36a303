"""The journey on Home: the prompt's roads, and what a click on them does."""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.reading.prompt import append_token
from minigpt.interpret.stream.journey import Journey, Stage, journey
from minigpt.model import LanguageModel
from pages.frame import models, notebook, provenance, state
from pages.frame.controls import keyboard
from pages.frame.place import shared_place
from viz.components.journey.view import JourneyClick, JourneySheet, norm_table
from viz.components.journey.view import journey as journey_sheet

WAYS = {
    "embedding": "pages/logit_lens/logit_lens.py",
    "attention": "pages/attention/attention.py",
    "MLP": "pages/block/block.py",
    "blocks": "pages/block/block.py",
}
"""Which page opens a stage."""


def follow(checkpoint: Checkpoint, tokens: list[int]) -> Journey:
    """Return the journey of a prompt's tokens, computed once for all readers."""
    model = checkpoint.model
    return _follow(models.serial(model), tuple(tokens), model)


@st.cache_data(max_entries=32, show_spinner=False)
def _follow(
    serial: int,  # noqa: ARG001 (stands for the model in the cache's key)
    tokens: tuple[int, ...],
    _model: LanguageModel,
) -> Journey:
    return journey(_model, list(tokens))


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
    last = found.stages[-1]
    with st.container(horizontal=True, vertical_alignment="center"):
        notebook.code(
            "journey",
            recipe(found),
            variable="norms",
            drawn=[stage.stream for stage in found.stages],
        )
        with st.popover("Every norm", icon=":material/table:", type="tertiary"):
            pieces = checkpoint.tokenizer.pieces(tokens)
            st.dataframe(norm_table(pieces, found.stages), hide_index=True)
    provenance.show(checkpoint, tokens, last.stream_name, (0, selected, 0))


def recipe(found: Journey) -> str:
    """Return the lines that rebuild the roads' norms."""
    names = ", ".join(repr(stage.stream_name) for stage in found.stages)
    return (
        f"names = [{names}]\n"
        "with torch.inference_mode():\n"
        "    _, cache = model.run_with_cache(tokens, names)\n"
        "# One row per hook, one column per token: the roads' thickness.\n"
        "norms = torch.stack([cache[name][0].norm(dim=-1) for name in names])\n"
    )


def _open(stage: Stage) -> None:
    """Open the page that explains a stage."""
    state.go_to(WAYS[stage.kind], layer=stage.layers[0])


def _nudge() -> None:
    """Count a press of Space: the sheet goes one hook on."""
    pressed = st.session_state.get("_journey_nudges", 0)
    st.session_state["_journey_nudges"] = pressed + 1
