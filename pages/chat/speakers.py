"""The models of the Chat page: fine-tuned ones first, any other made ready to chat."""

from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.checkpoint.metadata import read_metadata
from minigpt.errors import DataError, MinigptError
from minigpt.library.catalogue import ModelEntry
from minigpt.tokenizers.chat import has_chat_tokens
from minigpt.tokenizers.storage import load_tokenizer
from pages.frame import course, models, state
from pages.frame.guard import show_note, show_problem
from pages.frame.remember import remember


class Speaker(NamedTuple):
    """A model that can be talked to."""

    entry: ModelEntry
    path: Path
    checkpoint: Checkpoint
    """It knows the chat tokens, if need be for the first time."""
    is_tuned: bool
    """Whether it has learned from conversations."""

    @property
    def name(self) -> str:
        """What the reader calls it."""
        return self.entry.id

    @property
    def opening(self) -> str:
        """Lines of Python that load it."""
        loaded = f"minigpt.load({str(self.path)!r})"
        return (
            f"import minigpt\n\nmodel, tokenizer, metadata = ready_to_chat({loaded})\n"
        )


def choose() -> Speaker:
    """Show who can answer, tuned models first, and return the chosen one.

    Raises:
        DataError: If there is no model yet.
    """
    known = {entry.id: entry for entry in models.entries()}
    if not known:
        raise DataError("There is no model yet. Train one on the Training page.")
    tuned = [name for name, entry in known.items() if is_tuned(entry)]
    names = [*tuned, *(name for name in known if name not in tuned)]
    _follow_the_sidebar(known, tuned)
    state.keep_possible("who", names, "model")
    if note := st.session_state.get("_unknown_who"):
        show_problem(f"{note} What you see is the default.")
    chosen: str = st.selectbox(
        "Who answers",
        names,
        index=names.index(_default(known, tuned)),
        key="who",
        on_change=state.forget_unknown,
        args=("who",),
        help="Models that were fine-tuned to chat come first. The others have never "
        "seen a conversation, but you can try them too.",
        **state.BOUND,
    )
    return speaker(known[chosen])


def _follow_the_sidebar(known: dict[str, ModelEntry], tuned: list[str]) -> None:
    """Take over a model that was chosen in the sidebar, or what was tuned from it."""
    here = models.chosen_entry()
    before = st.session_state.get("_who_in_sidebar")
    st.session_state["_who_in_sidebar"] = here.id
    if before is not None and before != here.id:
        made = [name for name in tuned if _is_made_from(known[name], here)]
        st.session_state["who"] = here.id if here.id in tuned else [*made, here.id][0]


def _default(known: dict[str, ModelEntry], tuned: list[str]) -> str:
    """Begin with the sidebar's model if it is tuned, or with one made from it."""
    here = models.chosen_entry()
    if here.id in tuned or not tuned:
        return here.id
    own = [name for name in tuned if _is_made_from(known[name], here)]
    return (own or tuned)[0]


def speaker(entry: ModelEntry) -> Speaker:
    """Open a model to be talked to; the sidebar's at the step chosen there."""
    in_sidebar = entry.id == models.chosen_entry().id
    path = models.chosen_path(entry) if in_sidebar else entry.path
    opened = models.load(path)
    ready = models.with_chat_tokens(opened)
    return Speaker(entry, path, ready, has_chat_tokens(opened.tokenizer))


def is_tuned(entry: ModelEntry) -> bool:
    """Whether a model knows who speaks."""
    return _knows_turns(entry.path / "tokenizer.json")


@remember(512)
def _knows_turns(file: Path) -> bool:
    try:
        return has_chat_tokens(load_tokenizer(file))
    except MinigptError:
        return False  # whoever chooses it is told what is wrong


def others(tuned: Speaker) -> list[ModelEntry]:
    """Return the models to set beside one: what it was made from, bases, the rest."""
    rest = [entry for entry in models.entries() if entry.id != tuned.entry.id]
    return sorted(
        rest,
        key=lambda entry: (not _is_made_from(tuned.entry, entry), is_tuned(entry)),
    )


def _is_made_from(tuned: ModelEntry, entry: ModelEntry) -> bool:
    """Whether a model was tuned from another, as far as its record tells."""
    # A model that travelled recorded another machine's path; its name stays.
    return entry.id in Path(_recorded_base(tuned.path)).parts


@remember(512)
def _recorded_base(path: Path) -> str:
    try:
        provenance: dict[str, Any] = read_metadata(path).provenance
    except MinigptError:
        return ""
    finetune = provenance.get("finetune")
    base = finetune.get("base") if isinstance(finetune, dict) else None
    return base if isinstance(base, str) else ""


def say_what_it_is(chosen: Speaker) -> None:
    """Say, of a base, that nobody taught it to answer, and where that is done."""
    if chosen.is_tuned:
        return
    show_note(
        f"{chosen.name} is a base model: it has never seen a conversation, and "
        "the tokens that mark who speaks mean nothing to it. Talk to it and see."
    )
    if (tuning := course.lesson_named("finetuning")) is not None:
        st.page_link(
            tuning.path,
            label="Fine-tune a model to answer on the Fine-tuning page",
            icon=":material/arrow_forward:",
        )
