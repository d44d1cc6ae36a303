"""What every head does in held-out text: its name, the sentence under it, and a tab.

Scores and untrained models are computed once per model and text, for all readers. What
takes long comes after the page, with its progress; until then nothing is compared.
"""

import json
from functools import partial
from typing import NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.config import ModelConfig
from minigpt.interpret.corpora import HeldOut, Windows
from minigpt.interpret.heads.habits import HabitCells, text_habits
from minigpt.interpret.heads.head_names import (
    HabitBand,
    Names,
    beyond_untrained,
    habit_band,
    name_in_words,
    names_of_heads,
    untrained_habits,
)
from minigpt.interpret.heads.held_out_scores import (
    WINDOWS,
    ByHabit,
    HeldOutScores,
    Weight,
    joined,
    prompt_scores,
    summarize,
    weight_on,
)
from minigpt.interpret.heads.null_band import SEEDS
from minigpt.model import TransformerLM
from minigpt.model.sizes import num_parameters
from minigpt.tokenizers import Tokenizer
from pages.frame import corpora
from pages.frame.look.waiting import in_turn
from pages.frame.remember import identity, remember, serial
from pages.head_explorer import study

QUICK, PATIENCE = 1.0, 10.0
"""Seconds that a reader waits for without a word, and those that nobody asks about."""

PART = 8
"""Windows that are read at once, so that what is left undone goes on there."""

OWED, WANTED = "_habits_owed", "_habits_wanted"
"""In the session: whether something is missing, and for which model it is wanted even
though it takes long."""


class HeldOutStudy(NamedTuple):
    """Every head of a model on text that it did not learn from."""

    scores: HeldOutScores
    band: HabitBand | None
    """None: not there yet, or the model is too large."""
    text: HeldOut

    names: Names | None
    """Of all heads, where they are compared."""

    def name(self, layer: int, head: int) -> str | None:
        """Return the habit that a head is named after, if it is compared."""
        return None if self.names is None else self.names[layer][head]

    def beyond(self) -> ByHabit:
        """Return how far each habit's whole interval lies above untrained heads."""
        return beyond_untrained(self.scores, self.band)


def of(checkpoint: Checkpoint) -> HeldOutStudy | None:
    """Return what is known of a model's heads; what is missing will be computed."""
    st.session_state.pop(OWED, None)  # of a run that did not come to its end
    model, tokenizer, _ = checkpoint
    text = corpora.held_out_text(checkpoint, WINDOWS)
    if text.windows.shape[1] < 2 or num_parameters(model.config) > study.MOST:
        return None
    of_model, of_shape = _names(model, tokenizer, text.windows)
    if of_shape not in _known():
        st.session_state[OWED] = True
    if of_model not in _known() and seconds(model.config) > QUICK:
        st.session_state[OWED] = True
        return None
    scores = _scores(model, tokenizer, text.windows)
    is_compared = of_shape in _known()
    band = _band(model, tokenizer, text.windows) if is_compared else None
    names = None if band is None else names_of_heads(scores, band)
    return HeldOutStudy(scores, band, text, names)


def seconds(config: ModelConfig) -> float:
    """Estimate how long one model of an architecture reads the windows, in seconds.

    Matrix products, about 2e10 operations a second on one core, and each weight of each
    pattern, which is scored, masked, normalised and added up, 25 ns.
    """
    length = min(corpora.LONGEST, config.max_seq_len)
    tokens = WINDOWS * length
    cells = config.num_layers * config.num_heads * tokens * length
    return 2 * num_parameters(config) * tokens / 2e10 + cells * 25e-9


def missing_seconds(checkpoint: Checkpoint) -> float:
    """Estimate how long it takes to compute what is missing; 0 if nothing is."""
    if OWED not in st.session_state:
        return 0.0
    return (1 + SEEDS) * seconds(checkpoint.model.config)


def want(checkpoint: Checkpoint) -> None:
    """Let a comparison that takes long begin."""
    st.session_state[WANTED] = identity(checkpoint)


def compute(checkpoint: Checkpoint) -> None:
    """Compute what this run of the page could not wait for, and run again.

    Call this when everything else stands on the page.
    """
    is_wanted = st.session_state.get(WANTED) == identity(checkpoint)
    if missing_seconds(checkpoint) > PATIENCE and not is_wanted:
        return
    if not st.session_state.pop(OWED, False):
        return
    model, tokenizer, _ = checkpoint
    windows = corpora.windows(checkpoint, WINDOWS)
    settings = _settings(model)
    steps = [partial(_weight, model, tokenizer, windows, at) for at in _parts(windows)]
    steps += [
        partial(_untrained, settings, tokenizer, windows, seed) for seed in range(SEEDS)
    ]
    words = f"Comparing heads with untrained ones on {len(windows)} held-out windows"
    for step in in_turn(steps, words):
        step()
    _known().update(_names(model, tokenizer, windows))
    st.rerun()


def label(found: HeldOutStudy | None, layer: int, head: int) -> str:
    """Return the name of a head, or why it has none."""
    if found is not None and found.band is not None:
        return name_in_words(found.name(layer, head))
    return "not compared with untrained heads" + " yet" * (OWED in st.session_state)


on_prompt = remember(64)(prompt_scores)
"""All heads' scores on one prompt, by the same habits."""


def _names(
    model: TransformerLM, tokenizer: Tokenizer, windows: Windows
) -> tuple[object, object]:
    """Name a model with its text, and an architecture with its text."""
    text = hash(windows.tobytes()), corpora.vocabulary_of(tokenizer)
    return (serial(model), text), (_settings(model), text)


def _settings(model: TransformerLM) -> str:
    return json.dumps(model.config.to_dict())


@st.cache_resource
def _known() -> set[object]:
    """Return the names of what was compared, in this session or another."""
    return set()


def _parts(windows: Windows) -> range:
    return range(0, len(windows), PART)


@remember(64)
def _scores(
    model: TransformerLM, tokenizer: Tokenizer, windows: Windows
) -> HeldOutScores:
    parts = [_weight(model, tokenizer, windows, at) for at in _parts(windows)]
    return summarize(joined(parts), _habits(tokenizer, windows))


def _band(model: TransformerLM, tokenizer: Tokenizer, windows: Windows) -> HabitBand:
    settings = _settings(model)
    return habit_band(
        [_untrained(settings, tokenizer, windows, seed) for seed in range(SEEDS)]
    )


def _text(tokenizer: Tokenizer, windows: Windows) -> tuple[object, ...]:
    """Return what habits depend on, which all steps of a model share."""
    return corpora.vocabulary_of(tokenizer), windows


@remember(16, shared=True, key=_text)
def _habits(tokenizer: Tokenizer, windows: Windows) -> HabitCells:
    return text_habits(tokenizer, windows)


@remember(1024)
def _weight(
    model: TransformerLM, tokenizer: Tokenizer, windows: Windows, start: int
) -> Weight:
    """Read a part of the windows."""
    part = slice(start, start + PART)
    cells = _habits(tokenizer, windows).cells
    return weight_on(model, windows[part], {k: v[part] for k, v in cells.items()})


@remember(
    512,
    key=lambda settings, tokenizer, windows, seed: (
        settings,
        _text(tokenizer, windows),
        seed,
    ),
)
def _untrained(
    settings: str, tokenizer: Tokenizer, windows: Windows, seed: int
) -> ByHabit:
    """Each model alone, so that what is left undone goes on where it stopped."""
    config = ModelConfig(**json.loads(settings))
    return untrained_habits(config, windows, _habits(tokenizer, windows), seed)
