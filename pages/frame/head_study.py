"""What the Head explorer knows of a model's heads: scores on two texts, and bands.

Everything is computed once per model and text. A band belongs to the architecture, so
every training step of a model shares it.
"""

from typing import Any, NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.config import ModelConfig
from minigpt.hooks import Hooked
from minigpt.interpret.corpora import Windows
from minigpt.interpret.heads import HeadScores, Patterns, head_scores
from minigpt.interpret.null_band import SEEDS, NullBand, band, untrained_scores
from minigpt.interpret.probes import familiar_tokens, repeated_tokens, scores_on
from minigpt.interpret.reading import Reading
from pages.frame import corpora, models

QUICK = 3_000_000
"""Weights of a model whose band is there at once; a larger one's comes last."""

MOST = 400_000_000
"""Weights of the largest model beside which there is room for untrained ones."""


class Study(NamedTuple):
    """Every head on one text."""

    tokens: tuple[tuple[int, ...], ...]
    """The text, or several."""
    scores: HeadScores
    band: NullBand | None
    """None: not there yet, or the model is too large."""


def on_prompt(checkpoint: Checkpoint, reading: Reading) -> Study:
    """Score every head on the prompt. Call this before the other."""
    st.session_state.pop("_bands_owed", None)  # of a run that did not come to its end
    model, tokens = checkpoint.model, (tuple(reading.tokens),)
    scores = _scores_here(models.serial(model), tokens, reading.patterns)
    return Study(tokens, scores, _band_if_there(model.config, tokens))


def on_random_tokens(checkpoint: Checkpoint) -> Study:
    """Score every head on random tokens, said twice."""
    model, windows = checkpoint.model, probe(checkpoint)
    tokens = tuple(tuple(window) for window in windows.tolist())
    scores = _scores_there(models.serial(model), model, tokens)
    return Study(tokens, scores, _band_if_there(model.config, tokens))


def probe(checkpoint: Checkpoint) -> Windows:
    """Return the random tokens, of those that the model met in training."""
    vocabulary = familiar_tokens(checkpoint.tokenizer, corpora.windows(checkpoint))
    return repeated_tokens(vocabulary, checkpoint.model.config.max_seq_len)


def compute_bands() -> None:
    """Compute the bands that this run of the page could not wait for, and run again.

    Call this when everything else stands on the page.
    """
    owed = st.session_state.pop("_bands_owed", [])
    if not owed:
        return
    total = len(owed) * SEEDS
    bar = st.progress(0.0, "Asking untrained models …")
    for done, (config, tokens) in enumerate(owed):
        for seed in range(SEEDS):
            _untrained(config, tokens, seed)
            share = (done * SEEDS + seed + 1) / total
            bar.progress(share, f"Asking untrained models, {share:.0%} …")
        st.session_state.setdefault("_bands", set()).add(_name(config, tokens))
    st.rerun()


def _band_if_there(
    config: ModelConfig, tokens: tuple[tuple[int, ...], ...]
) -> NullBand | None:
    """Return a band that is quick or was computed before; remember that it is owed."""
    if config.num_parameters > MOST:
        return None
    settings = config.to_dict()
    is_known = _name(settings, tokens) in st.session_state.get("_bands", ())
    if config.num_parameters <= QUICK or is_known:
        return band([_untrained(settings, tokens, seed) for seed in range(SEEDS)])
    st.session_state.setdefault("_bands_owed", []).append((settings, tokens))
    return None


def _name(settings: dict[str, Any], tokens: tuple[tuple[int, ...], ...]) -> int:
    return hash((repr(settings), tokens))


@st.cache_data(max_entries=128, show_spinner=False)
def _scores_here(
    serial: int,  # noqa: ARG001 (stands for the model in the cache's key)
    tokens: tuple[tuple[int, ...], ...],
    _patterns: Patterns,
) -> HeadScores:
    return head_scores(_patterns, tokens[0])


@st.cache_data(max_entries=128, show_spinner=False)
def _scores_there(
    serial: int,  # noqa: ARG001
    _model: Hooked,
    tokens: tuple[tuple[int, ...], ...],
) -> HeadScores:
    return scores_on(_model, tokens)


@st.cache_data(max_entries=512, show_spinner=False)
def _untrained(
    settings: dict[str, Any], tokens: tuple[tuple[int, ...], ...], seed: int
) -> HeadScores:
    return untrained_scores(ModelConfig(**settings), tokens, seed)
