"""Many prompts: a list in, a table of continuations out."""

import time
from collections.abc import Iterator

import streamlit as st

from minigpt.config import GenerationConfig
from minigpt.generation.prompts import (
    MOST_PROMPTS,
    Continuation,
    PromptList,
    as_csv,
    as_json_lines,
    continue_each,
    read_prompts,
)
from pages.frame import models, state
from pages.frame.guard import guard, show_note
from pages.frame.server.uploads import uploader
from pages.frame.writing import MOMENT
from pages.generation.source import GenerationInput


class Batch:
    """Prompts on their way: a few at a time, so that the page stays awake.

    Args:
        source: The model and its prompt.
        prompts: What is continued.
        config: How.
    """

    def __init__(
        self, source: GenerationInput, prompts: PromptList, config: GenerationConfig
    ) -> None:
        self.total = len(prompts.prompts)
        self.rows: list[Continuation] = []
        self.done = False
        self._rows: Iterator[Continuation] = continue_each(
            source.generator, prompts.prompts, config
        )

    def advance(self) -> None:
        """Write for a moment."""
        end = time.monotonic() + MOMENT
        with models.turn_to_write():
            while not self.done and time.monotonic() < end:
                row = next(self._rows, None)
                if row is None:
                    self.done = True
                else:
                    self.rows.append(row)

    def stop(self) -> None:
        """Write no further."""
        self.done = True


def show(source: GenerationInput, config: GenerationConfig) -> None:
    """Show the list's field, and the table that is being written."""
    prompts = choose_prompts()
    if prompts is not None and prompts.left_out:
        show_note(
            f"Only the first {MOST_PROMPTS} prompts are continued: {prompts.left_out} "
            "are left out. For more, use minigpt generate on the command line."
        )
    pressed = st.button(
        "Continue all",
        icon=":material/playlist_play:",
        key="continue_all",
        disabled=prompts is None,
        help="Type or upload prompts first." if prompts is None else None,
    )
    if pressed and prompts is not None:
        st.session_state["_batch"] = Batch(source, prompts, config)
    batch = st.session_state.get("_batch")
    if batch is not None:
        st.fragment(show_batch, run_every=None if batch.done else MOMENT)()


def choose_prompts() -> PromptList | None:
    """Let the reader paste or upload prompts; None until there are some."""
    way = st.segmented_control(
        "Prompts, one per line",
        ["paste", "upload"],
        default="paste",
        required=True,
        key="prompts_from",
        **state.BOUND,
    )
    with guard():
        if way == "upload":
            file = uploader(
                "A text file, UTF-8",
                megabytes=1,
                type=["txt", "md"],
                key="prompts_file",
            )
            return None if file is None else read_prompts(file.getvalue())
        typed = st.text_area(
            "Prompts",
            key="prompts_typed",
            height=120,
            label_visibility="collapsed",
            placeholder="Once upon a time\nThe red kite",
            persist_state="session",
        )
        return read_prompts(typed) if typed.strip() else None
    return None


def show_batch() -> None:
    """Write for a moment, and show the rows there are."""
    with guard():
        batch: Batch = st.session_state["_batch"]
        was_done = batch.done
        batch.advance()
        count = len(batch.rows)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(count / batch.total, f"{count} of {batch.total} prompts")
            if not batch.done:
                st.button("Stop", icon=":material/stop:", on_click=batch.stop)
        show_table(batch.rows)
        if batch.done and not was_done:
            st.rerun()


def show_table(rows: list[Continuation]) -> None:
    """Show the continuations, and let them be taken along."""
    number = st.column_config.NumberColumn
    st.dataframe(
        [
            {
                "prompt": row.prompt,
                "continuation": row.problem if row.tokens == 0 else row.text,
                "tokens": row.tokens,
                "mean log p (nats)": row.mean_log_prob,
                "ended by": row.stop_reason,
            }
            for row in rows
        ],
        column_config={
            "continuation": st.column_config.TextColumn(width="large"),
            "mean log p (nats)": number(format="%.3f"),
        },
    )
    with st.container(horizontal=True):
        for name, kind, write in (
            ("JSON lines", "jsonl", as_json_lines),
            ("CSV", "csv", as_csv),
        ):
            st.download_button(
                name,
                lambda write=write: write(rows),
                f"continuations.{kind}",
                key=f"take_{kind}",
                icon=":material/download:",
                on_click="ignore",
            )
