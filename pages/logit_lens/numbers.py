"""What the page of the logit lens draws, computed once for a model and a prompt."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.stream.attribution import Attribution, attribute
from minigpt.interpret.stream.logit_lens import (
    Column,
    Lens,
    TokenPath,
    follow_token,
    lens_column,
    logit_lens,
)
from pages.frame import models


@dataclass(frozen=True)
class LensReading:
    """The chosen model and the prompt that it read."""

    checkpoint: Checkpoint
    tokens: list[int]
    pieces: list[str]
    path: Path
    """The checkpoint's directory."""

    @classmethod
    def of(
        cls, checkpoint: Checkpoint, tokens: list[int], pieces: list[str]
    ) -> "Source":
        """Take what was read, and note which checkpoint read it."""
        path = models.chosen_path(models.chosen_entry())
        return cls(checkpoint, tokens, pieces, path)

    @property
    def key(self) -> tuple[str, int, tuple[int, ...]]:
        """What a result hangs on: the checkpoint, when it was written, the prompt."""
        changed = (self.path / "config.json").stat().st_mtime_ns
        return str(self.path), changed, tuple(self.tokens)

    def piece(self, token: int) -> str:
        """Return the text of a token."""
        return self.checkpoint.tokenizer.pieces([token])[0]

    def lens(self) -> Lens:
        """Hold the lens at every point, after every token."""
        return _lens(self.key, self.checkpoint)

    def path_of(self, token: int) -> TokenPath:
        """Follow one token."""
        return _path(self.key, self.checkpoint, token)

    def column(self, position: int) -> Column:
        """Keep all the lens shows after one token."""
        return _column(self.key, self.checkpoint, position)

    def attribution(self, position: int, token: int, minus: int | None) -> Attribution:
        """Split a logit into the model's parts."""
        return _attribution(self.key, self.checkpoint, position, token, minus)


@st.cache_data(max_entries=16, show_spinner="Reading every layer …")
def _lens(key: tuple, _checkpoint: Checkpoint) -> Lens:
    return logit_lens(_checkpoint.model, list(key[-1]))


@st.cache_data(max_entries=32, show_spinner=False)
def _path(key: tuple, _checkpoint: Checkpoint, token: int) -> TokenPath:
    return follow_token(_checkpoint.model, list(key[-1]), token)


@st.cache_data(max_entries=32, show_spinner=False)
def _column(key: tuple, _checkpoint: Checkpoint, position: int) -> Column:
    return lens_column(_checkpoint.model, list(key[-1]), position)


@st.cache_data(max_entries=64, show_spinner=False)
def _attribution(
    key: tuple, _checkpoint: Checkpoint, position: int, token: int, minus: int | None
) -> Attribution:
    return attribute(_checkpoint.model, list(key[-1]), position, token, minus)
