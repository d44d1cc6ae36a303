"""What the Intervene page measures: each number computed once, then remembered."""

import time
from collections.abc import Callable, Hashable, Sequence
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
from minigpt.model.sizes import num_parameters
from pages.frame import corpora, models
from pages.frame.words import duration

QUICK = 5_000_000
"""Weights up to which a model reads a whole corpus while the reader waits."""

SOON = 0.3
"""Seconds that a reader waits without being told for how long."""

WRITTEN = 12
"""Tokens of a continuation."""

Number = TypeVar("Number")


def is_quick(checkpoint: Checkpoint) -> bool:
    """Whether a model is small enough to be cut in every head without asking."""
    return num_parameters(checkpoint.model.config) <= QUICK


def windows(checkpoint: Checkpoint) -> Windows:
    """Return the corpus: sixteen windows of held-out text, two for a large model."""
    return corpora.windows(checkpoint, count=16 if is_quick(checkpoint) else 2)


def effect(
    checkpoint: Checkpoint, tokens: Sequence[int], cuts: Sequence[Cut]
) -> Effect:
    """Return what cuts do to the next token after a prompt."""
    others = windows(checkpoint)
    return _once(
        checkpoint,
        ("effect", *tokens, *map(str, cuts)),
        lambda: measure(checkpoint.model, tokens, cuts, others),
    )


def continuation(
    checkpoint: Checkpoint, tokens: Sequence[int], cuts: Sequence[Cut]
) -> str:
    """Return the likeliest continuation of a prompt while cuts are made."""
    others, decode = windows(checkpoint), checkpoint.tokenizer.decode
    written = _once(
        checkpoint,
        ("continuation", *tokens, *map(str, cuts)),
        lambda: continue_text(checkpoint.model, tokens, WRITTEN, cuts, others),
    )
    return decode([*tokens, *written]).removeprefix(decode(list(tokens)))


def state_under_cuts(checkpoint: Checkpoint, cuts: Sequence[Cut]) -> State:
    """Return all heads' scores and the corpus loss while cuts are made."""
    texts = windows(checkpoint)
    familiar = familiar_tokens(checkpoint.tokenizer, texts)
    repeated = repeated_tokens(familiar, checkpoint.model.config.max_seq_len)
    return _once(
        checkpoint,
        ("state", *map(str, cuts)),
        lambda: state_under(checkpoint.model, list(cuts), texts, repeated),
    )


def pair_effect(checkpoint: Checkpoint, first: Cut, second: Cut) -> PairEffect:
    """Return what two cuts cost alone and together."""
    texts = windows(checkpoint)
    return _once(
        checkpoint,
        ("pair", str(first), str(second)),
        lambda: cut_pair(checkpoint.model, texts, (first, second)),
    )


def heads_on_prompt(
    checkpoint: Checkpoint, tokens: Sequence[int], layers: Sequence[int]
) -> HeadEffects:
    """Return what cutting each head of some layers does to one prompt."""
    return _once(
        checkpoint,
        ("heads", *tokens, "layers", *layers),
        lambda: cut_each_head(checkpoint.model, [list(tokens)], layers=layers),
    )


def heads_on_corpus(checkpoint: Checkpoint, how: How) -> HeadEffects:
    """Return what cutting each head does on the corpus, layer by layer."""
    texts = windows(checkpoint)

    def one(layer: int) -> HeadEffects:
        return _once(
            checkpoint,
            ("layer", layer, how),
            lambda: cut_each_head(checkpoint.model, texts, how, texts, layers=[layer]),
        )

    return HeadEffects.stacked(_layer_by_layer(checkpoint, one))


def ready_prompts(checkpoint: Checkpoint) -> Pair:
    """Return two prompts that this model tells apart."""
    return _once(
        checkpoint,
        ("prompts",),
        lambda: ready_pair(checkpoint.model, checkpoint.tokenizer),
    )


def both_predictions(
    checkpoint: Checkpoint, clean: list[int], corrupted: list[int]
) -> Effect:
    """Return the next token after the clean prompt, and after the corrupted one."""
    return _once(
        checkpoint,
        ("both", *clean, "and", *corrupted),
        lambda: predictions(checkpoint.model, clean, corrupted),
    )


def patches(checkpoint: Checkpoint, prompts: Prompts, what: str) -> PatchMap:
    """Return how far every patch of one kind moves the answer, layer by layer."""

    def one(layer: int) -> PatchMap:
        return _once(
            checkpoint,
            ("patches", layer, what, *_key(prompts)),
            lambda: patch_map(checkpoint.model, prompts, what, [layer]),
        )

    return PatchMap.stacked(_layer_by_layer(checkpoint, one))


def patched(
    checkpoint: Checkpoint, prompts: Prompts, what: str, cell: tuple[int, int]
) -> Effect:
    """Return what one patch does to the next token."""
    return _once(
        checkpoint,
        ("patched", what, *cell, *_key(prompts)),
        lambda: patch_effect(checkpoint.model, prompts, what, *cell),
    )


def may_begin(checkpoint: Checkpoint, label: str) -> bool:
    """Whether to begin what takes a large model long; if not, offer it as a button."""
    begun = f"_begun_{models.serial(checkpoint.model)}_{label}"
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


def _key(prompts: Prompts) -> tuple[Hashable, ...]:
    run, other = prompts.run, prompts.other
    return (*run, "from", *other, "answer", prompts.answer, prompts.rival)


def _once(
    checkpoint: Checkpoint, key: tuple[Hashable, ...], compute: Callable[[], Number]
) -> Number:
    return _remembered(models.serial(checkpoint.model), key, compute)


@st.cache_data(max_entries=512, show_spinner="Running the model …")
def _remembered(
    serial: int,  # noqa: ARG001 (stands for the model in the cache's key)
    key: tuple[Hashable, ...],  # noqa: ARG001
    _compute: Callable[[], Number],
) -> Number:
    return _compute()
