"""What comparing found, kept for the next reader: running two models takes time."""

from dataclasses import dataclass

import streamlit as st

from minigpt.interpret.differences import comparison, gradients
from minigpt.interpret.differences.comparison import TextComparison
from minigpt.interpret.differences.gradients import BatchGradients
from minigpt.interpret.differences.pattern_change import pattern_change
from minigpt.interpret.differences.weight_change import WeightChange, weight_change
from pages.compare.choice import ComparedText, Side
from pages.frame import models, notebook
from viz.attention import Array

Versions = tuple[int, int]


@dataclass(frozen=True)
class Compared:
    """All that the page shows is about this."""

    before: Side
    after: Side
    text: ComparedText
    found: TextComparison
    place: int
    """The piece that is open."""

    @property
    def opening(self) -> str:
        """The lines of Python that load both models and read the text."""
        paths = self.before.path, self.after.path
        return notebook.opening_of_two(*paths, self.text.content)


def text_comparison(before: Side, after: Side, text: str) -> TextComparison:
    """Return the losses of both models on a text."""
    return _text((before.version, after.version), text, before, after)


def head_change(shown: Compared) -> Array:
    """Return how differently the heads attend to the text, [layer head], in bits."""
    before, after = shown.before, shown.after
    return _heads((before.version, after.version), shown.text.content, before, after)


def weights(shown: Compared) -> WeightChange:
    """Return how far the weights lie apart."""
    before, after = shown.before, shown.after
    return _weights((before.version, after.version), before, after)


def samples(shown: Compared, seed: int) -> tuple[str, str]:
    """Return what both models write after the text."""
    before, after = shown.before, shown.after
    prompt = shown.text.content
    return _samples((before.version, after.version), prompt, seed, before, after)


def pulls(shown: Compared) -> BatchGradients:
    """Return how strongly the text pulls at the chosen model's weights."""
    tokens = tuple(shown.found.after.tokens)
    return _pulls(shown.after.version, tokens, shown.after)


@st.cache_data(max_entries=8, show_spinner="Both models read …")
def _text(
    versions: Versions,  # noqa: ARG001 (part of the key)
    text: str,
    _before: Side,
    _after: Side,
) -> TextComparison:
    return comparison.compare_text(_before.checkpoint, _after.checkpoint, text)


@st.cache_data(max_entries=32, show_spinner="Comparing the heads …")
def _heads(
    versions: Versions,  # noqa: ARG001
    text: str,
    _before: Side,
    _after: Side,
) -> Array:
    return pattern_change(_before.checkpoint, _after.checkpoint, text)


@st.cache_data(max_entries=32, show_spinner="Comparing the weights …")
def _weights(
    versions: Versions,  # noqa: ARG001
    _before: Side,
    _after: Side,
) -> WeightChange:
    return weight_change(_before.checkpoint.model, _after.checkpoint.model)


@st.cache_data(max_entries=32, show_spinner="Both models write …")
def _samples(
    versions: Versions,  # noqa: ARG001
    prompt: str,
    seed: int,
    _before: Side,
    _after: Side,
) -> tuple[str, str]:
    with models.turn_to_write():
        return comparison.continuations(
            _before.checkpoint, _after.checkpoint, prompt, seed=seed
        )


@st.cache_data(max_entries=32, show_spinner="Asking which weights it would move …")
def _pulls(
    version: int,  # noqa: ARG001
    tokens: tuple[int, ...],
    _side: Side,
) -> BatchGradients:
    return gradients.batch_gradients(_side.checkpoint.model, [tokens])
