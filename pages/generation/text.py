"""A text being written: its tokens, how unsure and how surprised the model was."""

import streamlit as st

from minigpt.config import GenerationConfig
from minigpt.generation.result import Generation
from minigpt.textbook.generation import surprise_and_entropy
from pages.frame import models, notebook, provenance
from pages.frame.guard import guard, show_note
from pages.frame.room import entrance
from pages.frame.writing import MOMENT, Writing, as_step
from pages.generation import source as sources
from pages.generation import tour
from pages.generation.source import GenerationInput
from viz.components.token_stream.view import Force, surprise, token_stream


def start(source: GenerationInput, config: GenerationConfig) -> None:
    """Begin a new text.

    Raises:
        DataError: If the prompt cannot be read.
    """
    st.session_state.pop("_writing", None)
    if config.strategy == "beam":
        with models.turn_to_write():
            found = source.generator.generate(source.prompt, config)
        st.session_state["_writing"] = found
        st.session_state["_found_by"] = models.chosen_entry().id
        return
    st.session_state["_writing"] = Writing(
        source.checkpoint, source.prompt, config, last_only=source.last_only
    )


def show(source: GenerationInput) -> None:
    """Show what was written, or is being written, last."""
    text = st.session_state.get("_writing")
    if isinstance(text, Writing):
        live = not text.done
        st.fragment(show_writing, run_every=MOMENT if live else None)(source, live)
        offer_download(text.text)
        if text.done and text.checkpoint is source.checkpoint:
            written = text.text.removeprefix(text.prompt)
            entrance.offer_to_show_text(models.chosen_entry().id, text.prompt, written)
    elif isinstance(text, Generation):
        show_found(text)
    else:
        st.caption(
            "Press Generate. Each token will be coloured by its probability; point "
            "at it to see the alternatives."
        )


def show_found(found: Generation) -> None:
    """Show the likeliest text that a beam search found."""
    for warning in found.warnings:
        show_note(warning)
    st.subheader("The likeliest text found", anchor=False)
    st.code(found.full_text, language=None, wrap_lines=True)
    total = sum(found.log_probs)
    st.caption(f"log p of these {len(found.tokens)} tokens together: {total:.2f} nats.")
    st.page_link(
        "pages/beam_search/beam_search.py",
        label="See every candidate on the Beam search page",
        icon=":material/arrow_forward:",
    )
    offer_download(found.full_text)
    by = st.session_state["_found_by"]
    entrance.offer_to_show_text(by, found.prompt, found.text)


def offer_download(text: str) -> None:
    """Let the text be taken along."""
    st.download_button(
        "Download the text",
        text,
        "minigpt.txt",
        icon=":material/download:",
        on_click="ignore",
    )


def force(choice: Force) -> None:
    """Put another token into the text, and write on from there."""
    st.session_state["_writing"] = st.session_state["_writing"].forced(choice)


def show_writing(source: GenerationInput, live: bool) -> None:
    """Write for a moment, and show what there is.

    Args:
        source: What the page writes from now.
        live: Whether this runs again by itself. A text that ends, and one that goes on
            because a token was forced, change that: the page runs anew.
    """
    with guard():
        writing: Writing = st.session_state["_writing"]
        writing.advance()
        show_stream(source, writing)
        if live == writing.done:
            st.rerun()


def show_stream(source: GenerationInput, writing: Writing) -> None:
    """Show the text so far, its alternatives, and how it ended."""
    for warning in writing.warnings:
        show_note(warning)
    if any(step.forgot for step in writing.steps):
        show_note(
            "The text became longer than the model can read at once: it went on with "
            "the newer half only."
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{writing.progress()} Seed {writing.config.seed}.")
        st.space("stretch")
        if not writing.done:
            st.button("Stop", icon=":material/stop:", on_click=writing.stop)
    choice = token_stream(
        [as_step(step) for step in writing.steps],
        key=tour.WRITTEN,
        prompt=writing.prompt,
        on_force=force,
    )
    if not writing.done:
        return
    if choice.selected is not None:
        show_origin(writing, choice.selected)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        show_code(writing)
        if choice.selected is not None:
            offer_draw(source, writing, choice.selected)


def show_origin(writing: Writing, selected: int) -> None:
    """Show where a locked token's logit comes from."""
    step = writing.steps[selected]
    before = [each.token for each in writing.steps[:selected]]
    read = [*writing.prompt_tokens, *before][step.forgot :]
    index = (0, len(read) - 1, step.token)
    provenance.show(writing.checkpoint, read, "logits", index)


def offer_draw(source: GenerationInput, writing: Writing, selected: int) -> None:
    """Offer to open a locked token's draw, if the text began from this very prompt."""
    same = writing.prompt == source.prompt and writing.checkpoint is source.checkpoint
    if same and st.button("Open this draw", icon=":material/casino:", type="tertiary"):
        sources.write(source, [step.token for step in writing.steps[:selected]])
        st.session_state["_next_view"] = tour.ONE
        st.rerun()


def show_code(writing: Writing) -> None:
    """Show the lines behind the two curves."""
    steps = writing.unforgotten
    if steps:
        tokens = [step.token for step in steps]
        notebook.show(
            "surprise and entropy",
            surprise_and_entropy,
            f"surprise_and_entropy(model, {list(writing.prompt_tokens)}, {tokens})",
            drawn={
                "surprise": [surprise(step.probability) for step in steps],
                "entropy": [step.entropy for step in steps],
            },
        )
