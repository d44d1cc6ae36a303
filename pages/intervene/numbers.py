"""What the Intervene page measures: each number computed once, then remembered."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.corpora import Windows
from minigpt.interpret.effects import Effect
from minigpt.interpret.heads.repeated_tokens import familiar_tokens, repeated_tokens
from minigpt.interpret.interventions.ablation import (
    PairEffect,
    continue_text,
    cut_pair,
    measure,
)
from minigpt.interpret.interventions.circuit import State, state_under
from minigpt.interpret.interventions.interventions import Cut, How
from minigpt.interpret.interventions.patching import (
    PatchMap,
    Prompts,
    patch_effect,
    patch_map,
)
from minigpt.interpret.interventions.prompt_pairs import Pair, predictions, ready_pair
from minigpt.interpret.interventions.sweep import HeadEffects, cut_each_head
from pages.frame import corpora
from pages.frame.remember import remember, serial
from pages.frame.words import duration

QUICK = 5_000_000
"""Weights up to which a model reads a whole corpus while the reader waits."""

SOON = 0.3
"""Seconds that a reader waits without being told for how long."""

WRITTEN = 12
"""Tokens of a continuation."""

Number = TypeVar("Number")

RUNNING = "Running the model …"
_once = remember(128, spinner=RUNNING)


def is_quick(checkpoint: Checkpoint) -> bool:
    """Whether a model is small enough to be cut in every head without asking."""
    return checkpoint.model.config.num_parameters <= QUICK


def windows(checkpoint: Checkpoint) -> Windows:
    """Return the corpus: sixteen windows of held-out text, two for a large model."""
    return corpora.windows(checkpoint, count=16 if is_quick(checkpoint) else 2)


@_once
def effect(
    checkpoint: Checkpoint, tokens: Sequence[int], cuts: Sequence[Cut]
) -> Effect:
    """Return what cuts do to the next token after a prompt."""
    return measure(checkpoint.model, tokens, cuts, windows(checkpoint))


@_once
def continuation(
    checkpoint: Checkpoint, tokens: Sequence[int], cuts: Sequence[Cut]
) -> str:
    """Return the likeliest continuation of a prompt while cuts are made."""
    others, decode = windows(checkpoint), checkpoint.tokenizer.decode
    written = continue_text(checkpoint.model, tokens, WRITTEN, cuts, others)
    return decode([*tokens, *written]).removeprefix(decode(list(tokens)))


@_once
def state_under_cuts(checkpoint: Checkpoint, cuts: Sequence[Cut]) -> State:
    """Return all heads' scores and the corpus loss while cuts are made."""
    texts = windows(checkpoint)
    familiar = familiar_tokens(checkpoint.tokenizer, texts)
    repeated = repeated_tokens(familiar, checkpoint.model.config.max_seq_len)
    return state_under(checkpoint.model, list(cuts), texts, repeated)


@_once
def pair_effect(checkpoint: Checkpoint, first: Cut, second: Cut) -> PairEffect:
    """Return what two cuts cost alone and together."""
    return cut_pair(checkpoint.model, windows(checkpoint), (first, second))


@_once
def heads_on_prompt(
    checkpoint: Checkpoint, tokens: Sequence[int], layers: Sequence[int]
) -> HeadEffects:
    """Return what cutting each head of some layers does to one prompt."""
    return cut_each_head(checkpoint.model, [list(tokens)], layers=layers)


def heads_on_corpus(checkpoint: Checkpoint, how: How) -> HeadEffects:
    """Return what cutting each head does on the corpus, layer by layer."""

    def one(layer: int) -> HeadEffects:
        return _heads_of_layer(checkpoint, how, layer)

    return HeadEffects.stacked(_layer_by_layer(checkpoint, one))


@remember(512, spinner=RUNNING)
def _heads_of_layer(checkpoint: Checkpoint, how: How, layer: int) -> HeadEffects:
    texts = windows(checkpoint)
    return cut_each_head(checkpoint.model, texts, how, texts, layers=[layer])


@_once
def ready_prompts(checkpoint: Checkpoint) -> Pair:
    """Return two prompts that this model tells apart."""
    return ready_pair(checkpoint.model, checkpoint.tokenizer)


both_predictions = _once(predictions)
"""The next token after the clean prompt, and after the corrupted one."""


def patches(checkpoint: Checkpoint, prompts: Prompts, what: str) -> PatchMap:
    """Return how far every patch of one kind moves the answer, layer by layer."""

    def one(layer: int) -> PatchMap:
        return _patches(checkpoint.model, prompts, what, [layer])

    return PatchMap.stacked(_layer_by_layer(checkpoint, one))


_patches = remember(512, spinner=RUNNING)(patch_map)

patched = _once(patch_effect)
"""What one patch does to the next token."""


def may_begin(checkpoint: Checkpoint, label: str) -> bool:
    """Whether to begin what takes a large model long; if not, offer it as a button."""
    begun = f"_begun_{serial(checkpoint.model)}_{label}"
    if is_quick(checkpoint) or st.session_state.get(begun):
        return True
    if not st.button(label, icon=":material/play_arrow:"):
        return False
    st.session_state[begun] = True
    return True


def _layer_by_layer(
    checkpoint: Checkpoint, one: Callable[[int], Number]
) -> list[Number]:
    """Measure every layer, and say how long the rest will take if it takes long."""
    layers = checkpoint.model.config.num_layers
    bar, begun, found = st.empty(), time.monotonic(), []
    for layer in range(layers):
        found.append(one(layer))
        passed = time.monotonic() - begun
        if passed > SOON:
            left = passed / (layer + 1) * (layers - layer - 1)
            text = f"Layer {layer + 1} of {layers}; about {duration(left)} left"
            bar.progress((layer + 1) / layers, text)
    bar.empty()
    return found
