"""The chosen model, run or text of the Library: where it comes from, what to do."""

import streamlit as st

from minigpt import spaces
from minigpt.library.archives import pack, pack_for_others, why_not_for_others
from minigpt.library.inventory import Facts, TextFacts
from minigpt.library.notes import notes_path
from pages.frame import state, words
from pages.frame.controls.sidebar import KINDS
from pages.frame.guard import show_problem
from pages.frame.words import plain
from pages.library import serving, trash

EXPLORER = "pages/head_explorer/head_explorer.py"
GENERATION = "pages/generation/generation.py"
TRAINING = "pages/training/training.py"


def show(facts: Facts) -> None:
    """Show a model or a run."""
    with st.container(border=True, key="library_card"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(plain(facts.id), anchor=False, width="content")
            st.badge(facts.state or KINDS[facts.kind])
        if facts.problem:
            show_problem(facts.problem)
        if facts.description:
            st.caption(plain(facts.description))
        _show_origin(facts)
        if facts.has_model:
            _show_ways_on(facts)
        with st.container(horizontal=True, gap="small", key="library_actions"):
            if facts.has_model:
                _show_downloads(facts)
                serving.show_start(facts)
            if facts.kind == "run":
                _show_training(facts.id)
            trash.show_changes(facts)


def show_text(facts: TextFacts) -> None:
    """Show a text that was uploaded."""
    with st.container(border=True, key="library_card"):
        st.subheader(plain(facts.path.name), anchor=False)
        if facts.problem:
            show_problem(facts.problem)
        else:
            st.code(facts.begins, language=None, height=120, wrap_lines=True)
            st.caption(f"Fingerprint {facts.fingerprint[:16]} …")
            if facts.readers:
                names = plain(", ".join(facts.readers[:8]))
                st.caption(
                    f"Used by {names}: a run cannot be resumed without its text."
                )
            st.button(
                "Train on it",
                icon=":material/trending_down:",
                type="primary",
                key="train_on_it",
                on_click=state.go_to,
                args=(TRAINING,),
                kwargs={
                    "run": "new run",
                    "aim": "a text",
                    "source": "path",
                    "path": str(facts.path.resolve()),
                },
            )
        with st.container(horizontal=True, gap="small", key="library_actions"):
            st.download_button(
                "Download",
                spaces.carried(facts.path.read_bytes),
                facts.path.name,
                mime="text/plain",
                key="download_text",
                on_click="ignore",
                icon=":material/download:",
                type="tertiary",
            )
            trash.show_delete("text", facts.path.name)


def _show_origin(facts: Facts) -> None:
    """Show what it learned from, and the line that makes it."""
    seen = [f"**{plain(facts.tuned)}**"] if facts.tuned else []
    if facts.data:
        seen.append(f"{'from' if facts.tuned else 'From'} **{plain(facts.data)}**")
    if facts.tokens_seen is not None:
        tokens = "tokens of answers" if facts.tuned else "tokens"
        seen.append(
            f"{words.count(facts.tokens_seen)} {tokens} in {facts.step:,} steps"
        )
    if facts.quantization:
        seen.append(f"weights as **{facts.quantization}**")
    if facts.fingerprint:
        seen.append(f"text {plain(facts.fingerprint[:12])} …")
    if seen:
        st.markdown(" · ".join(seen))
    if facts.command:
        st.code(facts.command, language="bash", wrap_lines=True)
    elif facts.has_model:
        st.caption("The command that made it was not recorded.")


def _show_ways_on(facts: Facts) -> None:
    """Show the buttons that open the model elsewhere; every page then uses it."""
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Look inside",
            icon=":material/grid_view:",
            type="primary",
            key="look_inside",
            disabled=not facts.has_heads,
            help=None if facts.has_heads else "An MLP has no attention heads.",
            on_click=state.go_to,
            args=(EXPLORER,),
            kwargs={"model": facts.id},
        )
        st.button(
            "Write",
            icon=":material/edit_note:",
            key="write_with_it",
            on_click=state.go_to,
            args=(GENERATION,),
            kwargs={"model": facts.id},
        )


def _show_training(run: str) -> None:
    """Show the button that opens a run on the Training page."""
    st.button(
        "Training",
        icon=":material/trending_down:",
        type="tertiary",
        key="open_training",
        on_click=state.go_to,
        args=(TRAINING,),
        kwargs={"run": run},
        help="Shows its curves, samples and log; it can be resumed there.",
    )


def _show_downloads(facts: Facts) -> None:
    """Show both ways to download the model."""
    st.download_button(
        "Download",
        spaces.carried(lambda: pack(facts.path, facts.id, notes_path(facts))),
        f"{facts.id}.zip",
        mime="application/zip",
        key="download_model",
        on_click="ignore",
        icon=":material/download:",
        type="tertiary",
        help="A zip of the three files and of your notes, for uploading elsewhere.",
    )
    reason = why_not_for_others(facts.path)
    st.download_button(
        "Hugging Face",
        spaces.carried(lambda: pack_for_others(facts.path, facts.id)),
        f"{facts.id}-huggingface.zip",
        mime="application/zip",
        key="export_model",
        on_click="ignore",
        icon=":material/ios_share:",
        type="tertiary",
        disabled=bool(reason),
        help=plain(reason)
        or "A zip that the transformers library can load, with the same logits.",
    )
