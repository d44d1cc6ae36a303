"""The Tokenizer page: train a tokenizer on a text of one's own, or open a file."""

from collections.abc import Sequence
from hashlib import sha256
from os import sep
from pathlib import Path
from shutil import rmtree

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from minigpt.atomic_writes import replaced_directory
from minigpt.errors import CheckpointError, DataError
from minigpt.places import data_directory
from minigpt.tokenizers.byte_pair.tokenizer import SMALLEST
from minigpt.tokenizers.storage import open_tokenizer
from pages.frame import texts
from pages.frame.guard import guard
from pages.frame.server.uploads import uploader
from pages.tokenizer.choice import (
    DEFAULT_SIZE,
    KINDS,
    TokenizerChoice,
    add,
    described,
    tokenizer_of,
)
from pages.tokenizer.texts import SOURCE, TALES, TEXTS

TRAIN, OPEN = "Train", "Open a file"
PASTE, UPLOAD = "paste", "upload"
LARGEST_VOCABULARY = 20_000
LONG = 200_000
"""Bytes of a pasted text that is taken out of its field once it is learned from."""
_WHOLE = "tokenizer.json"


def show(work: DeltaGenerator) -> None:
    """Show the two ways to a new tokenizer; the page reruns when there is one.

    Args:
        work: Where progress is shown, in sight of the whole page.
    """
    what = st.segmented_control(
        "New tokenizer",
        [TRAIN, OPEN],
        default=TRAIN,
        required=True,
        key="new_tokenizer",
        label_visibility="collapsed",
    )
    made = None
    with guard():
        made = _train(work) if what == TRAIN else _open()
    if made is not None:
        add(made)
        st.session_state["_wanted_tokenizer"] = made.name
        st.rerun()


def _train(work: DeltaGenerator) -> TokenizerChoice | None:
    """Let the reader choose kind, text and size; return what was trained just now.

    Raises:
        DataError: If the text cannot be learned from.
    """
    kind = st.segmented_control(
        "Kind",
        list(KINDS),
        format_func=KINDS.__getitem__,
        default="bpe",
        required=True,
        key="tokenizer_kind",
        persist_state="session",
    )
    size = _choose_size() if kind == "bpe" else DEFAULT_SIZE
    choice = st.segmented_control(
        "Text",
        [*TEXTS, PASTE, UPLOAD],
        format_func=lambda each: TEXTS.get(each, each),
        default=TALES,
        required=True,
        key="tokenizer_text",
        persist_state="session",
    )
    contents, name = _contents(choice)
    ready = choice in TEXTS or bool(contents)
    if not st.button(
        "Train",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not ready,
        help=None if ready else "First choose a text.",
        key="train_tokenizer",
    ):
        return None
    source = choice if choice in (TALES, SOURCE) else _kept_text(choice, contents, name)
    entry = TokenizerChoice(
        described(kind, TEXTS.get(choice, name), size), kind, source, size
    )
    with work:
        tokenizer_of(entry)
    # A browser sends all it holds with every click: a long text it need not keep.
    st.session_state["_forget_pasted"] = len(contents) > LONG
    return entry


def _kept_text(choice: str, contents: bytes, name: str) -> str:
    """Keep what was pasted as it is, and of an uploaded file the text; its path."""
    if choice == PASTE:
        return str(texts.keep(contents, name))
    return str(texts.bring(contents, name).path)


def _choose_size() -> int:
    """Show how many merges to learn; return the size of the vocabulary."""
    merges = st.number_input(
        "Merges to learn",
        1,
        LARGEST_VOCABULARY,
        1000,
        step=100,
        key="tokenizer_merges",
        persist_state="session",
    )
    return SMALLEST + int(merges)


def _contents(choice: str) -> tuple[bytes, str]:
    """Show the field of a text that the reader brings; return it, and its name."""
    if choice == PASTE:
        if st.session_state.pop("_forget_pasted", False):
            st.session_state["tokenizer_pasted"] = ""
        text = st.text_area("Your text", key="tokenizer_pasted", height=120)
        contents = text.encode("utf-8", "replace")
        return contents, f"pasted {sha256(contents).hexdigest()[:4]}"
    if choice == UPLOAD:
        file = uploader(texts.LABEL, type=list(texts.ENDINGS), key="tokenizer_upload")
        if file is not None:
            return file.getvalue(), file.name
    return b"", ""


def _open() -> TokenizerChoice | None:
    """Let the reader upload a tokenizer; return it once it is known to be one.

    Raises:
        CheckpointError: If it is none that can be read.
        DataError: If the files are not those that are asked for.
    """
    files = uploader(
        "tokenizer.json, or GPT-2's vocab.json and merges.txt",
        type=["json", "txt"],
        accept_multiple_files=True,
        key="tokenizer_files",
        help=(
            "This project's format, or any tokenizer.json of Hugging Face. Byte-level "
            "BPE shows its merges; the others need the tokenizers library."
        ),
    )
    if not files:
        return None
    path = _kept(files)
    name = f"{files[0].name} {path.parent.name[:4]}"
    if any(entry.name == name for entry in st.session_state.get("_tokenizers", [])):
        return None
    try:
        open_tokenizer(path)
    except CheckpointError as error:
        rmtree(path.parent)
        # Where this machine keeps it is not the reader's business.
        raise CheckpointError(str(error).replace(f"{path.parent}{sep}", "")) from None
    return TokenizerChoice(name, "file", str(path))


def _kept(files: Sequence[UploadedFile]) -> Path:
    """Keep a tokenizer's files under a hash of their contents; return the first one.

    Raises:
        DataError: If there are too few or too many, or they cannot be written.
    """
    paired = any(file.name.endswith(".txt") for file in files)
    names = {".txt": "merges.txt", ".json": "vocab.json" if paired else _WHOLE}
    contents = {
        names[Path(file.name).suffix.lower()]: file.getvalue() for file in files
    }
    if len(contents) != len(files) or len(files) != 1 + paired:
        raise DataError(
            "Choose one tokenizer.json, or one vocab.json together with one merges.txt."
        )
    digest = sha256(b"\0".join(contents[name] for name in sorted(contents)))
    folder = data_directory() / "texts" / f"tokenizer-{digest.hexdigest()[:12]}"
    try:
        with replaced_directory(folder) as beside:
            for name, content in contents.items():
                (beside / name).write_bytes(content)
    except OSError as error:
        raise DataError(f"Cannot keep the files in {folder}: {error}.") from None
    return folder / names[".json"]
