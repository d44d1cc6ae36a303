"""The Tokenizer page's list: which tokenizers can be shown and compared.

The chosen model's own, a few that are trained when they are first shown, and those that
the reader trained or opened. Every view gets a `TokenizerChoice`, and asks here for the
tokenizer itself.
"""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from minigpt.config import TokenizerConfig
from minigpt.tokenizers import BPETokenizer, Tokenizer, build_tokenizer
from minigpt.tokenizers.byte_pair.tokenizer import SMALLEST
from minigpt.tokenizers.inspection.merge_history import MergeHistory
from minigpt.tokenizers.storage import open_tokenizer
from pages.frame import models, state
from pages.frame.remember import remember
from pages.tokenizer.texts import (
    SOURCE,
    TALES,
    TEXT_MAKERS,
    TEXTS,
    expression_of_text,
    text_of,
)

KINDS = {"bpe": "BPE", "word": "words", "char": "characters"}
DEFAULT_SIZE = SMALLEST + 1000
MOST_OWN = 8
MAKERS = (TokenizerConfig, build_tokenizer, open_tokenizer, *TEXT_MAKERS)
"""What the expressions of `expression_of` name."""


@dataclass(frozen=True)
class TokenizerChoice:
    """One tokenizer, and where it comes from."""

    name: str
    """What the reader calls it, alone of its kind."""
    kind: str
    """`bpe`, `word`, `char`: to be trained; `model`, `file`: ready-made."""
    source: str
    """What it learns from: `tales`, `source` or a path; or the path of a file."""
    vocab_size: int = DEFAULT_SIZE
    """For byte pairs."""

    @property
    def is_learned_here(self) -> bool:
        """Whether the counts of its merges are known."""
        return self.kind == "bpe"


def described(kind: str, text: str, vocab_size: int = DEFAULT_SIZE) -> str:
    """Name a tokenizer that is trained here.

    >>> described("bpe", "tales", 1260), described("char", "tales")
    ('BPE, 1,000 merges · tales', 'characters · tales')
    """
    merges = f", {vocab_size - SMALLEST:,} merges" if kind == "bpe" else ""
    return f"{KINDS[kind]}{merges} · {text}"


def built_in(kind: str, text: str) -> TokenizerChoice:
    """Return one of the tokenizers that are always there."""
    return TokenizerChoice(described(kind, TEXTS[text]), kind, text)


STORIES = built_in("bpe", TALES)
PROGRAMS = built_in("bpe", SOURCE)


def entries() -> list[TokenizerChoice]:
    """Return every tokenizer: the model's, the built-in ones, the reader's own."""
    model = models.chosen_entry()
    path = str(models.chosen_path(model))
    mine: list[TokenizerChoice] = st.session_state.get("_tokenizers", [])
    return [
        TokenizerChoice(f"the model's own · {model.id}", "model", path),
        STORIES,
        PROGRAMS,
        built_in("word", TALES),
        built_in("char", TALES),
        *mine,
    ]


def add(entry: TokenizerChoice) -> None:
    """Remember a tokenizer of the reader's own, the last eight of them."""
    mine: list[TokenizerChoice] = st.session_state.get("_tokenizers", [])
    others = [each for each in mine if each.name != entry.name]
    st.session_state["_tokenizers"] = [*others, entry][-MOST_OWN:]


def choose(label: str, key: str, default: int = 0) -> TokenizerChoice:
    """Show the bench as a list, and return the tokenizer chosen in it."""
    known = {entry.name: entry for entry in entries()}
    wanted = st.session_state.pop(f"_wanted_{key}", None)
    if wanted in known:
        st.session_state[key] = wanted
    elif key in st.session_state and st.session_state[key] not in known:
        st.session_state.pop(key, None)
    chosen = st.selectbox(label, list(known), index=default, key=key, **state.BOUND)
    return known[chosen]


def tokenizer_of(entry: TokenizerChoice) -> Tokenizer:
    """Return the tokenizer of an entry; train it first if it is new.

    Raises:
        CheckpointError: If its file is not one that is read.
        DataError: If its text cannot be learned from.
    """
    if entry.kind == "model":
        return models.load(Path(entry.source)).tokenizer
    if entry.kind == "bpe":
        return history_of(entry).tokenizer
    return _ready(entry)


@remember(24, shared=True, spinner="Reading the text …")
def _ready(entry: TokenizerChoice) -> Tokenizer:
    if entry.kind == "file":
        return open_tokenizer(entry.source)
    return build_tokenizer(TokenizerConfig(kind=entry.kind), text_of(entry.source))


def history_of(entry: TokenizerChoice) -> MergeHistory:
    """Return how an entry's merges were learned, with a progress bar if it takes work.

    Raises:
        DataError: If its text cannot be learned from.
    """
    kept = _kept(entry)
    if kept.history is None:
        kept.history = _learn(kept.entry)
    return kept.history


@dataclass
class _Kept:
    """A place for a history: the progress bar is no part of what is remembered."""

    entry: TokenizerChoice
    history: MergeHistory | None = None


@remember(16, shared=True)
def _kept(entry: TokenizerChoice) -> _Kept:
    return _Kept(entry)


def _learn(entry: TokenizerChoice) -> MergeHistory:
    wanted = entry.vocab_size - SMALLEST
    bar = st.progress(0.0, "Reading the text …")

    def tell(rank: int) -> None:
        if rank % 50 == 0:
            bar.progress(rank / wanted, f"{rank:,} of {wanted:,} merges")

    text = text_of(entry.source)
    learned = MergeHistory.learn(text, entry.vocab_size, lambda s: tell(s.rank))
    bar.empty()
    return learned


def expression_of(entry: TokenizerChoice) -> str:
    """Return the Python expression that makes an entry's tokenizer."""
    if entry.kind == "model":
        return f"minigpt.load({entry.source!r}).tokenizer"
    if entry.kind == "file":
        return f"open_tokenizer({entry.source!r})"
    size = f", vocab_size={entry.vocab_size}" if entry.kind == "bpe" else ""
    config = f"TokenizerConfig(kind={entry.kind!r}{size})"
    return f"build_tokenizer({config}, {expression_of_text(entry.source)})"


def limited(tokenizer: Tokenizer, merges: int | None) -> Tokenizer:
    """Return a tokenizer with its first merges only; None: as it is."""
    if merges is None or not isinstance(tokenizer, BPETokenizer):
        return tokenizer
    if merges >= len(tokenizer.merges):
        return tokenizer
    return tokenizer.limited_to(merges)
