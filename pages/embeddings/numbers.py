"""The numbers of "Embeddings and positions", kept while the reader clicks about."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.corpora import held_out
from minigpt.interpret.positions import embedding_space as space
from minigpt.interpret.positions import position_views as positions
from minigpt.interpret.positions.word_order import (
    OrderTest,
    order_test,
    shuffled,
    without_positions,
)
from minigpt.interpret.reading.prompt import Reading
from minigpt.model import LanguageModel, TransformerLM
from pages.frame import models, notebook, state
from pages.frame.guard import show_note
from pages.frame.reading import may_cut, read

MOST_POINTS = 1200
"""Tokens in the picture; of a larger vocabulary, a sample."""

MOST_READ = 8
"""Texts to measure the loss by position on."""


@dataclass(frozen=True)
class PromptTokens:
    """The prompt as ids and pieces: all that an embedding needs to know."""

    tokens: list[int]
    pieces: list[str]
    reading: Reading | None = None
    """With its attention; None where the model has none."""


@dataclass(frozen=True)
class Losses:
    """Loss by position, read past the training length."""

    values: list[float]
    description: str


def read_any(checkpoint: Checkpoint) -> PromptTokens:
    """Show the prompt's field and return its tokens; an MLP reads it as well.

    Raises:
        DataError: If the prompt is empty or too long.
    """
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    if isinstance(model, TransformerLM):
        reading = read(checkpoint)
        return PromptTokens(reading.tokens, reading.pieces, reading)
    prompt = state.prompt_input()
    tokens, longest = tokenizer.encode(prompt), model.config.max_seq_len
    if not tokens:
        raise DataError("The prompt is empty: type at least one character.")
    if may_cut(len(tokens), longest):
        notebook.read_last(longest)
        tokens = tokens[-longest:]
    if len(tokens) > longest:
        raise DataError(
            f"The prompt has {len(tokens)} tokens, and this model reads at most "
            f"{longest} at once: shorten it by {len(tokens) - longest}."
        )
    unknown = tokenizer.unknown(prompt)
    if unknown:
        show_note(models.unknown_words(unknown))
    return PromptTokens(tokens, tokenizer.pieces(tokens))


def neighbours_of(
    checkpoint: Checkpoint, which: space.Which, token: int
) -> space.Neighbours:
    """Return the tokens nearest to one."""
    model = checkpoint.model
    # A model may have more rows than its tokenizer has tokens: those mean nothing.
    size = checkpoint.tokenizer.vocab_size
    return _neighbours(models.serial(model), model, size, which, token)


def components_of(
    checkpoint: Checkpoint, which: space.Which, tokens: tuple[int, ...]
) -> tuple[space.Components, list[list[float]]]:
    """Return three directions of some tokens, and where the tokens lie along them."""
    model = checkpoint.model
    return _components(models.serial(model), model, which, tokens)


def drift_of(which: space.Which, tokens: tuple[int, ...]) -> space.Drift | None:
    """Return how some tokens moved in the training; None for a single checkpoint."""
    steps = models.chosen_entry().steps
    if len(steps) < 2:
        return None
    saved = tuple((step.step, str(step.path)) for step in steps)
    changed = (steps[-1].path / "config.json").stat().st_mtime_ns
    return _drift(saved, changed, which, tokens)


def turning_of(
    checkpoint: Checkpoint, tokens: list[int], layer: int, head: int, query: int
) -> positions.Turning:
    """Return one query, and the key of the token before it."""
    model, key = checkpoint.model, max(0, query - 1)
    return _turning(models.serial(model), model, tuple(tokens), layer, head, query, key)


def distances_of(
    checkpoint: Checkpoint, scheme: str, layer: int, length: int
) -> positions.Distances | None:
    """Return what distance does."""
    model = checkpoint.model
    return _distances(models.serial(model), model, scheme, layer, length)


def order_of(tokens: list[int], seed: int) -> tuple[int, ...]:
    """Return another order of a prompt's tokens.

    Raises:
        DataError: If there is only one.
    """
    return tuple(shuffled(tokens, seed))


def order_test_of(
    checkpoint: Checkpoint,
    tokens: list[int],
    order: tuple[int, ...],
    layers: int | None = None,
) -> OrderTest:
    """Test a model on two orders; with `layers`, its first ones without positions."""
    model = checkpoint.model
    return _order_test(models.serial(model), model, tuple(tokens), order, layers)


def losses_of(checkpoint: Checkpoint) -> Losses:
    """Measure the loss by position on texts twice as long as those in training.

    Raises:
        DataError: If the model's positions end.
    """
    return _losses(models.serial(checkpoint.model), checkpoint)


@st.cache_data(max_entries=128, show_spinner=False)
def _neighbours(
    serial: int,  # noqa: ARG001 (stands for the model in the cache's key)
    _model: LanguageModel,
    size: int,
    which: space.Which,
    token: int,
) -> space.Neighbours:
    return space.nearest(space.token_table(_model, which)[:size], token)


@st.cache_data(max_entries=16, show_spinner=False)
def _components(
    serial: int,  # noqa: ARG001
    _model: LanguageModel,
    which: space.Which,
    tokens: tuple[int, ...],
) -> tuple[space.Components, list[list[float]]]:
    vectors = space.token_table(_model, which)[list(tokens)]
    found = space.principal_components(vectors, 3)
    return found, found.project(vectors).tolist()


@st.cache_data(max_entries=16, show_spinner="Reading every step …")
def _drift(
    saved: tuple[tuple[int, str], ...],
    changed: int,  # noqa: ARG001
    which: space.Which,
    tokens: tuple[int, ...],
) -> space.Drift:
    checkpoints = [(step, Path(path)) for step, path in saved]
    plane = space.sampled_tokens(
        len(space.saved_table(checkpoints[-1][1], which)), MOST_POINTS, tokens
    )
    return space.drift(checkpoints, tokens, which, plane.tolist())


@st.cache_data(max_entries=64, show_spinner=False)
def _turning(
    serial: int,  # noqa: ARG001
    _model: TransformerLM,
    tokens: tuple[int, ...],
    layer: int,
    head: int,
    query: int,
    key: int,
) -> positions.Turning:
    return positions.turning(_model, list(tokens), layer, head, query, key)


@st.cache_data(max_entries=64, show_spinner=False)
def _distances(
    serial: int,  # noqa: ARG001
    _model: TransformerLM,
    scheme: str,
    layer: int,
    length: int,
) -> positions.Distances | None:
    return positions.by_distance(_model, scheme, layer, length)


@st.cache_data(max_entries=64, show_spinner=False)
def _order_test(
    serial: int,  # noqa: ARG001
    _model: LanguageModel,
    tokens: tuple[int, ...],
    order: tuple[int, ...],
    layers: int | None,
) -> OrderTest:
    model = _model if layers is None else without_positions(_model, layers)
    return order_test(model, list(tokens), list(order))


@st.cache_data(max_entries=8, show_spinner="Reading twice as far …")
def _losses(
    serial: int,  # noqa: ARG001
    _checkpoint: Checkpoint,
) -> Losses:
    model, tokenizer, metadata = _checkpoint
    length = 2 * model.config.max_seq_len
    grown = positions.longer(model, length)
    text = held_out(metadata, tokenizer, length, MOST_READ)
    losses = positions.loss_by_position(grown, text.windows)
    return Losses(losses.tolist(), text.description)
