"""Which text a run learns from: the built-in world, or one of the reader's own."""

import streamlit as st

from minigpt.config import DataConfig
from minigpt.library.kept_texts import BroughtText
from pages.frame import state, texts, words
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
    text = _own_text(source)
    if text is None:
        return None
    if text.remark:
        told = text.remark[:1].upper() + text.remark[1:]
        st.caption(words.plain(f"{told}."))
    return DataConfig(source=str(text.path), document_separator=text.separator)


def _own_text(source: str) -> BroughtText | None:
    if source == "upload":
        file = uploader(texts.LABEL, type=list(texts.ENDINGS), key="upload")
        return None if file is None else texts.bring(file.getvalue(), file.name)
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
        if not text.strip():
            return None
        return BroughtText(texts.keep(text.encode(), "pasted"))
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
