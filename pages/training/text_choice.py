"""Which text a run learns from: the built-in world, or one of the reader's own."""

from pathlib import Path

import streamlit as st

from minigpt.config import DataConfig
from pages.frame import state, texts
from pages.frame.controls import settings
from pages.frame.server.local import is_local
from pages.frame.server.uploads import uploader

SOURCES = ("tales", "upload", "paste")
PATH = "path"
"""A file of this machine: for the person at it, and nobody else."""


def choose_text() -> DataConfig | None:
    """Let the reader choose a text; None until there is one."""
    source = st.segmented_control(
        "Where it comes from",
        (*SOURCES, PATH) if is_local() else SOURCES,
        default="tales",
        required=True,
        key="source",
        **state.BOUND,
    )
    if source == "tales":
        size = settings.field(
            DataConfig(), "tales_megabytes", "data", label="How much, in MB"
        )
        st.caption(
            "Short built-in stories about people, things, wishes and causes. They "
            "are the same on every machine."
        )
        return DataConfig(source="tales", tales_megabytes=float(size))
    path = _own_text(source)
    return None if path is None else DataConfig(source=str(path))


def _own_text(source: str) -> Path | None:
    if source == "upload":
        file = uploader("A text file, UTF-8", type=["txt", "md"], key="upload")
        return None if file is None else texts.keep(file.getvalue(), file.name)
    if source == "paste":
        text = st.text_area(
            "Your text",
            key="pasted",
            height=160,
            placeholder=(
                "Use a few pages at least: from little text a model learns little."
            ),
            persist_state="session",
        )
        return texts.keep(text.encode(), "pasted") if text.strip() else None
    if not is_local():
        return None
    path = st.text_input(
        "Path on the machine that runs this app",
        key="path",
        placeholder="/home/me/book.txt",
        persist_state="session",
    )
    if not path.strip():
        return None
    return texts.existing(path.strip())
