"""What the Head explorer knows of a model's heads: scores on two texts, and bands.

Everything is computed once per model and text. A band belongs to the architecture, so
every training step of a model shares it.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.config import ModelConfig
from minigpt.hooks import HookPoint
from minigpt.interpret.corpora import Windows
from minigpt.interpret.heads.null_band import SEEDS, NullBand, band, untrained_scores
from minigpt.interpret.heads.repeated_tokens import (
    familiar_tokens,
    repeated_tokens,
    scores_on,
)
from minigpt.interpret.heads.scores import HeadScores, head_scores
from minigpt.interpret.interventions.sweep import ablate_each_head
from minigpt.interpret.openings.head_explorer import head_explorer_opening
from minigpt.interpret.reading.prompt import Reading
from minigpt.model import TransformerLM
from minigpt.model.sizes import num_parameters
from pages.frame import corpora
from pages.frame.remember import remember
from viz.components.head_grid.view import PackedPatterns, pack_patterns

Tokens = tuple[tuple[int, ...], ...]
"""Ids of one text or several of one length, as a cache's key wants them."""

QUICK = 2_000_000
"""Weights and cells of patterns that are there at once; a larger band comes last."""

MOST = 400_000_000
"""Weights of the largest model beside which there is room for untrained ones."""


class Study(NamedTuple):
    """Every head on one text."""

    tokens: Tokens
    """The text, or several."""
    scores: HeadScores
    band: NullBand | None
    """None: not there yet, or the model is too large."""


def on_prompt(checkpoint: Checkpoint, reading: Reading) -> Study:
    """Score every head on the prompt. Call this before the other."""
    st.session_state.pop("_bands_owed", None)  # of a run that did not come to its end
    tokens = (tuple(reading.tokens),)
    band = _band_if_there(checkpoint.model.config, tokens)
    return Study(tokens, scores_on_prompt(checkpoint, reading), band)


def on_random_tokens(checkpoint: Checkpoint, *, with_band: bool = True) -> Study:
    """Score every head on random tokens, said twice.

    Args:
        checkpoint: The model.
        with_band: Whether what untrained models score is wanted too.
    """
    model, windows = checkpoint.model, probe(checkpoint)
    tokens = tuple(tuple(window) for window in windows.tolist())
    band = _band_if_there(model.config, tokens) if with_band else None
    return Study(tokens, _scores_of(model, tokens), band)


def _prompt(checkpoint: Checkpoint, reading: Reading) -> tuple[Checkpoint, list[int]]:
    """Return what a reading follows from."""
    return checkpoint, reading.tokens


@remember(6, shared=True, key=_prompt)
def packed_patterns(
    checkpoint: Checkpoint,  # noqa: ARG001
    reading: Reading,
) -> PackedPatterns:
    """Return every head's pattern on the prompt, ready for the browser."""
    return pack_patterns(reading.patterns)


@remember(128, key=_prompt)
def scores_on_prompt(
    checkpoint: Checkpoint,  # noqa: ARG001
    reading: Reading,
) -> HeadScores:
    """Return all heads' scores on a prompt that was read."""
    return head_scores(reading.patterns, reading.tokens)


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
    bar = st.progress(0.0, "Measuring untrained models …")
    for done, (config, tokens) in enumerate(owed):
        for seed in range(SEEDS):
            _untrained(config, tokens, seed)
            share = (done * SEEDS + seed + 1) / total
            bar.progress(share, f"Measuring untrained models, {share:.0%} …")
        st.session_state.setdefault("_bands", set()).add(_name(config, tokens))
    st.rerun()


def _band_if_there(config: ModelConfig, tokens: Tokens) -> NullBand | None:
    """Return a band that is quick or was computed before; remember that it is owed."""
    if num_parameters(config) > MOST:
        return None
    settings = json.dumps(config.to_dict())
    is_known = _name(settings, tokens) in st.session_state.get("_bands", ())
    if is_quick(config, tokens) or is_known:
        return _band(settings, tokens)
    st.session_state.setdefault("_bands_owed", []).append((settings, tokens))
    return None


def quick_band(config: ModelConfig, tokens: Sequence[int]) -> NullBand | None:
    """Return a text's band where it takes no time to speak of, or else None."""
    texts = (tuple(tokens),)
    return (
        _band(json.dumps(config.to_dict()), texts) if is_quick(config, texts) else None
    )


def is_quick(config: ModelConfig, tokens: Tokens = ((),)) -> bool:
    """Whether untrained models of this size read some texts while a reader waits."""
    cells = config.num_layers * config.num_heads * len(tokens) * len(tokens[0]) ** 2
    return num_parameters(config) + cells <= QUICK


def _name(settings: str, tokens: Tokens) -> int:
    return hash((settings, tokens))


_scores_of = remember(128)(scores_on)
"""All heads' scores on some texts."""

opening_of = remember(32, spinner="Looking for a telling head …")(head_explorer_opening)
"""The head that changes most between a prompt and random tokens."""


@remember(128)
def kl_without(model: TransformerLM, tokens: list[int], layer: int) -> list[float]:
    """Return what ablating each head of a layer does to the next token, in nats.

    A click need not wait for all of it: between two blocks, a newer run takes over.
    """
    with model.hooks([("blocks.*.hook_resid_post", _give_way)]):
        found = ablate_each_head(model, [tokens], layers=[layer])
    return [float(kl) for kl in found.last_kl[0]]


def _give_way(value: object, hook: HookPoint) -> None:  # noqa: ARG001
    """End this run if the reader has asked for another.

    Streamlit looks for that whenever a script reads the session's state.
    """
    st.session_state.get("layer")


@remember(128)
def _band(settings: str, tokens: Tokens) -> NullBand:
    return band([_untrained(settings, tokens, seed) for seed in range(SEEDS)])


@remember(512)
def _untrained(settings: str, tokens: Tokens, seed: int) -> HeadScores:
    """Each model alone, so that what is left undone goes on where it stopped."""
    return untrained_scores(ModelConfig(**json.loads(settings)), tokens, seed)
