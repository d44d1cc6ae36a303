"""What the Intervene page measures: each number computed once, then remembered."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.corpora import Windows
from minigpt.interpret.effects import Effect
from minigpt.interpret.heads.repeated_tokens import (
    familiar_tokens,
    repeated_tokens,
    scores_on,
)
from minigpt.interpret.heads.scores import HeadScores
from minigpt.interpret.interventions.ablation import (
    PairEffect,
    ablate_pair,
    continue_text,
    loss_over,
    measure,
)
from minigpt.interpret.interventions.circuit import State, state_under
from minigpt.interpret.interventions.interventions import (
    FROM_OTHER_TEXTS,
    Ablation,
    How,
    fwd_hooks,
    record,
)
from minigpt.interpret.interventions.patching import (
    PatchMap,
    Prompts,
    patch_effect,
    patch_map,
)
from minigpt.interpret.interventions.prompt_pairs import (
    PromptPair,
    predictions,
    ready_pair,
    swapped_pairs,
)
from minigpt.interpret.interventions.sweep import HeadEffects, ablate_each_head
from minigpt.interpret.openings.intervene import Loss, intervene_opening
from minigpt.model.sizes import num_parameters
from pages.frame import corpora, notebook
from pages.frame.look.waiting import SOON, in_turn
from pages.frame.remember import remember, serial

QUICK = 5_000_000
"""Weights up to which a model reads a whole corpus while the reader waits."""

WRITTEN = 12
"""Tokens of a continuation."""

Number = TypeVar("Number")

RUNNING = "Running the model …"
_once = remember(128, spinner=RUNNING)


def is_quick(checkpoint: Checkpoint) -> bool:
    """Whether a model is small enough to be ablated in every head without asking."""
    return num_parameters(checkpoint.model.config) <= QUICK


def windows(checkpoint: Checkpoint) -> Windows:
    """Return the corpus: sixteen windows of held-out text, two for a large model."""
    return corpora.windows(checkpoint, _count(checkpoint))


def opening(checkpoint: Checkpoint) -> str:
    """Return the lines of Python that load the model and draw these windows."""
    return notebook.opening_with_windows(_count(checkpoint))


def hooks_call(ablations: Sequence[Ablation]) -> str:
    """Return the expression that makes some ablations in a notebook."""
    others = ", windows" * need_windows(ablations)
    return f"ablation_hooks(model, {[str(ablation) for ablation in ablations]}{others})"


def need_windows(ablations: Sequence[Ablation]) -> bool:
    """Whether an ablation takes its values from other texts."""
    return any(ablation.how in FROM_OTHER_TEXTS for ablation in ablations)


def repeated_call(checkpoint: Checkpoint) -> str:
    """Return the expression that makes random tokens, said twice, in a notebook."""
    longest = checkpoint.model.config.max_seq_len
    return f"repeated_tokens(familiar_tokens(tokenizer, windows), {longest})"


@_once
def effect(
    checkpoint: Checkpoint, tokens: Sequence[int], ablations: Sequence[Ablation]
) -> Effect:
    """Return what ablations do to the next token after a prompt."""
    recorded = _recorded(checkpoint, list(ablations))
    return measure(checkpoint.model, tokens, ablations, recorded=recorded)


@remember(6, shared=True)
def _recorded(checkpoint: Checkpoint, ablations: list[Ablation]) -> Mapping[str, Any]:
    """Return what the hooks hold in held-out text, which no prompt changes."""
    return record(checkpoint.model, ablations, windows(checkpoint))


@_once
def continuation(
    checkpoint: Checkpoint, tokens: Sequence[int], ablations: Sequence[Ablation]
) -> str:
    """Return the likeliest continuation of a prompt under ablations."""
    others, decode = windows(checkpoint), checkpoint.tokenizer.decode
    written = continue_text(checkpoint.model, tokens, WRITTEN, ablations, others)
    return decode([*tokens, *written]).removeprefix(decode(list(tokens)))


@_once
def state_under_ablations(
    checkpoint: Checkpoint, ablations: Sequence[Ablation]
) -> State:
    """Return all heads' scores and the corpus loss under ablations."""
    texts = windows(checkpoint)
    familiar = familiar_tokens(checkpoint.tokenizer, texts)
    repeated = repeated_tokens(familiar, checkpoint.model.config.max_seq_len)
    return state_under(checkpoint.model, list(ablations), texts, repeated)


@_once
def scores_under(checkpoint: Checkpoint, ablations: Sequence[Ablation]) -> HeadScores:
    """Return all heads' scores alone, on random tokens said twice, under ablations."""
    model, texts = checkpoint.model, windows(checkpoint)
    familiar = familiar_tokens(checkpoint.tokenizer, texts)
    hooks = fwd_hooks(model, ablations, record(model, ablations, texts))
    with model.hooks(hooks):
        return scores_on(
            model, repeated_tokens(familiar, checkpoint.model.config.max_seq_len)
        )


@_once
def pair_effect(
    checkpoint: Checkpoint, first: Ablation, second: Ablation
) -> PairEffect:
    """Return what two ablations cost alone and together."""
    return ablate_pair(partial(mean_loss, checkpoint), (first, second))


@remember(1024)
def mean_loss(checkpoint: Checkpoint, ablations: tuple[Ablation, ...]) -> float:
    """Return the loss over the corpus under ablations, in nats per token."""
    return float(loss_over(checkpoint.model, windows(checkpoint), ablations).mean())


@_once
def heads_on_prompt(
    checkpoint: Checkpoint, tokens: Sequence[int], layers: Sequence[int]
) -> HeadEffects:
    """Return what ablating each head of some layers does to one prompt."""
    return ablate_each_head(checkpoint.model, [list(tokens)], layers=layers)


def heads_on_corpus(checkpoint: Checkpoint, how: How) -> HeadEffects:
    """Return what ablating each head does on the corpus, layer by layer."""

    def one(layer: int) -> HeadEffects:
        return _heads_of_layer(checkpoint, how, layer)

    return HeadEffects.stacked(layer_by_layer(checkpoint, one))


@remember(512, spinner=RUNNING)
def _heads_of_layer(checkpoint: Checkpoint, how: How, layer: int) -> HeadEffects:
    texts = windows(checkpoint)
    return ablate_each_head(checkpoint.model, texts, how, texts, layers=[layer])


@_once
def ready_prompts(
    checkpoint: Checkpoint, first: Sequence[PromptPair] = ()
) -> PromptPair:
    """Return two prompts that this model tells apart, some tried before others."""
    return ready_pair(checkpoint.model, checkpoint.tokenizer, first)


@remember(32)
def other_pairs(checkpoint: Checkpoint) -> list[PromptPair]:
    """Return pairs of prompts to ask about, made of held-out text."""
    texts = [tokens for _, tokens in corpora.other_prompts(checkpoint, length=10)]
    return swapped_pairs(checkpoint.model, checkpoint.tokenizer, texts)


_opening = remember(32, spinner="Looking for a telling head …")(intervene_opening)


def opening_of(checkpoint: Checkpoint) -> Loss | None:
    """Return where ablating a head is felt most; None for a model too large to try."""
    return _opening(checkpoint) if is_quick(checkpoint) else None


both_predictions = _once(predictions)
"""The next token after the clean prompt, and after the corrupted one."""


def patches(checkpoint: Checkpoint, prompts: Prompts, what: str) -> PatchMap:
    """Return how far every patch of one kind moves the answer, layer by layer."""

    def one(layer: int) -> PatchMap:
        return patches_of_layer(checkpoint.model, prompts, what, [layer])

    return PatchMap.stacked(layer_by_layer(checkpoint, one))


patches_of_layer = remember(512, spinner=RUNNING)(patch_map)
"""The same of some layers."""

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


def _count(checkpoint: Checkpoint) -> int:
    return 16 if is_quick(checkpoint) else 2


def layer_by_layer(
    checkpoint: Checkpoint, one: Callable[[int], Number]
) -> list[Number]:
    """Measure every layer, and say how long the rest will take if it takes long."""
    layers = range(checkpoint.model.config.num_layers)
    words = "Layer {done} of {total}"
    return [one(layer) for layer in in_turn(layers, words, patience=SOON)]
