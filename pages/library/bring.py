"""Bring a model or a text to the Library: from this computer, or GPT-2's family."""

import streamlit as st

from minigpt.errors import DataError, MinigptError
from minigpt.library.archives import CHECKPOINT_FILES, MAX_BYTES
from minigpt.library.incoming import bring, take_upload
from minigpt.library.names import free_name
from minigpt.places import data_directory
from pages.frame import state, texts
from pages.frame.guard import guard
from pages.frame.server.local import is_local
from pages.frame.server.uploads import MEGABYTE, uploader
from pages.library import shelves
from pages.library.shelves import MODELS, RUNS, TEXTS

_OR_A_DIRECTORY = (
    "; or a place on the machine that runs this app: a directory with a checkpoint or "
    "with a model in Hugging Face's format, or a file of nanoGPT (ckpt.pt) or llama2.c "
    "(model.bin)."
)
TRAINING = "pages/training/training.py"


def show(shelf: str, *, is_empty: bool) -> None:
    """Show the ways to bring something to a shelf, opened where it is empty."""
    if shelf == RUNS:
        st.button(
            "Start training",
            icon=":material/trending_down:",
            key="start_training",
            on_click=state.go_to,
            args=(TRAINING,),
            kwargs={"run": "new run"},
        )
        return
    what = "Bring a text" if shelf == TEXTS else "Bring a model"
    with st.expander(what, icon=":material/add:", expanded=is_empty):
        if shelf == TEXTS:
            with guard():
                _upload_text()
            return
        by_name = "GPT-2, or a directory" if is_local() else "GPT-2"
        upload, fetch = st.tabs(["Upload", by_name])
        with upload, guard():
            _upload_model()
        with fetch, guard():
            _fetch_model()


def _upload_model() -> None:
    turn = st.session_state.get("_brought", 0)
    files = uploader(
        "Its zip, or its files",
        megabytes=MAX_BYTES // MEGABYTE,
        type=["zip", "json", "safetensors", "txt"],
        accept_multiple_files=True,
        key=f"model_files_{turn}",
        help=f"{', '.join(CHECKPOINT_FILES)}; in Hugging Face's format, also "
        "vocab.json and merges.txt. Pickles are never read.",
    )
    name, wanted = _name_and_button(
        f"upload_{turn}",
        "Add",
        ":material/add:",
        missing=None if files else "Choose a zip or the three files of a model first.",
    )
    if not wanted:
        return
    data = data_directory()
    name = name or free_name(data, files[0].name)
    with st.spinner("Checking every file …"):
        take_upload(data, name, [(file.name, file) for file in files])
    _arrived(MODELS, name)


def _fetch_model() -> None:
    local = is_local()
    source = st.text_input(
        "Name on huggingface.co" + (", or a directory" if local else ""),
        key="bring_source",
        placeholder="gpt2",
        max_chars=500,
        help="gpt2, distilgpt2 or owner/model" + (_OR_A_DIRECTORY if local else "."),
    ).strip()
    name, wanted = _name_and_button("bring", "Load", ":material/download:")
    if not wanted:
        return
    if not source:
        raise DataError("Type the name of a model first, such as gpt2.")
    data = data_directory()
    name = name or free_name(data, source)
    with st.status("Loading …", expanded=True) as progress:
        try:
            bring(data, name, source, st.text, directories=local)
        except MinigptError:
            progress.update(label="It did not work.", state="error", expanded=False)
            raise
    _arrived(MODELS, name)


def _name_and_button(
    key: str, label: str, icon: str, missing: str | None = None
) -> tuple[str, bool]:
    """Ask what the model is called here, and the button that begins.

    Args:
        key: Of both.
        label: Of the button.
        icon: Of the button.
        missing: What must be there first; None enables the button.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            "Name here",
            key=f"{key}_name",
            placeholder="default: from the above",
            max_chars=32,
            help="a to z, 0 to 9, _ and -",
        )
        wanted = st.button(
            label,
            icon=icon,
            type="primary",
            key=f"{key}_it",
            disabled=missing is not None,
            help=missing,
        )
    return name.strip(), wanted


def _upload_text() -> None:
    turn = st.session_state.get("_brought", 0)
    file = uploader(
        texts.LABEL,
        type=list(texts.ENDINGS),
        key=f"text_file_{turn}",
        help="It is stored on this machine, and the Training page can use it.",
    )
    if file is not None:
        _arrived(TEXTS, texts.bring(file.getvalue(), file.name).path.name)


def _arrived(shelf: str, name: str) -> None:
    """Show what was brought, on its shelf, with the fields empty again."""
    st.session_state["_brought"] = st.session_state.get("_brought", 0) + 1
    shelves.select(shelf, name)
    st.rerun()
