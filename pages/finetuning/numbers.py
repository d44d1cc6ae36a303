"""What the Fine-tuning page shows, computed once: which tuning, and what it changed."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.config import FinetuneConfig, RunConfig
from minigpt.datasets.conversations import Conversation, Preference
from minigpt.datasets.tales.instructions import Asked
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.inspection import (
    changed_weights,
    held_out_answers,
    low_rank,
    needed_heads,
)
from minigpt.finetuning.inspection.changed_weights import Moved
from minigpt.finetuning.inspection.held_out_answers import Answered
from minigpt.finetuning.inspection.low_rank import LowRank
from minigpt.finetuning.inspection.needed_heads import HeadsNeeded
from minigpt.finetuning.supervised import LearnedToken, learned_tokens
from minigpt.interpret.differences.pattern_change import pattern_change_on
from minigpt.interpret.reading.prompt import attention_patterns
from minigpt.interpret.reading.text import read_tokens
from minigpt.library.catalogue import ModelEntry
from minigpt.library.finetuned import base_path, finetuned_models, finetuning_runs
from minigpt.model import LanguageModel, TransformerLM
from minigpt.preparation.finetuning_estimate import (
    Examples,
    TuningEstimate,
    estimate_finetuning,
    some_examples,
)
from minigpt.runs import Run, RunStore, data_directory
from pages.frame import models
from viz.attention import Array

SHIPPED = "tales-chat"
KNOWN_QUESTIONS = 150
"""Held-out questions: not reading is measured on all, the models on some."""
NEAREST_RANK = 8
"""Of a full tuning's changes: the rank of the product that is shown."""


@dataclass(frozen=True)
class Tuning:
    """A fine-tuning: a run, or a model that ships tuned."""

    id: str
    finetune: FinetuneConfig
    run: Run | None
    entry: ModelEntry | None
    """None until it has saved a model."""


@dataclass(frozen=True)
class Both:
    """A model before and after its tuning; both know the chat tokens."""

    tuning: Tuning
    before: Checkpoint
    after: Checkpoint
    plain: Checkpoint
    """The base as it was, without chat tokens if it had none."""
    base_path: Path
    after_path: Path

    @property
    def versions(self) -> tuple[int, int]:
        """Stand for the models in the key of a cache."""
        return models.serial(self.before.model), models.serial(self.after.model)

    @property
    def base_name(self) -> str:
        """What the base is called."""
        return base_name(self.base_path)


def tunings(store: RunStore) -> dict[str, Tuning]:
    """Return every fine-tuning by its name: the runs, newest first, then what ships."""
    ready = {each.entry.id: each for each in finetuned_models(models.entries())}
    runs = {
        run.id: Tuning(
            run.id,
            run.config.finetune,
            run,
            ready[run.id].entry if run.id in ready else None,
        )
        for run in finetuning_runs(store)
    }
    shipped = {
        name: Tuning(name, each.finetune, None, each.entry)
        for name, each in ready.items()
        if name not in runs
    }
    return {**runs, **shipped}


def default_tuning(options: list[str]) -> int:
    """Return which to begin with: the one that ships, or a new one."""
    return options.index(SHIPPED) if SHIPPED in options else 0


def answering_models() -> list[str]:
    """Return the names of models that learned to answer, those from SFT first."""
    found = finetuned_models(models.entries())
    return [
        each.entry.id
        for each in sorted(found, key=lambda one: one.finetune.method != "sft")
    ]


def base_name(path: Path) -> str:
    """Return the name of the model or run that a checkpoint belongs to."""
    known = {entry.id for entry in models.entries()}
    return next((part for part in reversed(path.parts) if part in known), path.name)


def both(tuning: Tuning, step: int | None = None) -> Both:
    """Open a tuning's models.

    Args:
        tuning: One that has saved a model.
        step: Of the tuning's own steps; None: the model it would open with.

    Raises:
        RunError: If the base is not here.
        CheckpointError: If a model cannot be opened.
    """
    assert tuning.entry is not None
    base = base_path(tuning.finetune, data_directory())
    path = tuning.entry.path_at(step)
    return Both(tuning, ready(base), models.load(path), models.load(base), base, path)


def ready(path: Path) -> Checkpoint:
    """Return a checkpoint that knows the chat tokens; the same object each time.

    Raises:
        CheckpointError: If it cannot be opened, or its tokenizer is another model's.
    """
    plain = models.load(path)
    return _ready(models.serial(plain.model), plain)


@st.cache_resource(max_entries=6, show_spinner=False)
def _ready(version: int, _plain: Checkpoint) -> Checkpoint:  # noqa: ARG001
    chat = ready_to_chat(_plain)
    chat.model.eval().requires_grad_(False)
    return chat


def examples(config: RunConfig, base: Checkpoint) -> Examples:
    """Return what a tuning learns from, and what it is tested on."""
    finetune = config.finetune
    path = Path(finetune.examples)
    changed = path.stat().st_mtime_ns if path.is_file() else 0
    key = (models.serial(base.model), finetune.method, finetune.examples, changed)
    return _examples((*key, finetune.validation_fraction), config, base)


@st.cache_data(max_entries=12, show_spinner="Reading the examples …")
def _examples(
    key: tuple[object, ...],  # noqa: ARG001
    _config: RunConfig,
    _base: Checkpoint,
) -> Examples:
    return some_examples(_config, _base)


@st.cache_data(max_entries=32, show_spinner=False)
def estimate(
    config: RunConfig,
    version: int,  # noqa: ARG001
    _base: Checkpoint,
    _examples: Examples,
) -> TuningEstimate:
    """Return what a tuning will cost; `version` stands for the base."""
    return estimate_finetuning(config, _base, _examples)


def conversation_losses(
    who: Checkpoint, conversation: Conversation
) -> list[LearnedToken]:
    """Return a conversation token by token, as the loss sees it."""
    return _losses(models.serial(who.model), conversation, who)


@st.cache_data(max_entries=64, show_spinner=False)
def _losses(
    version: int,  # noqa: ARG001
    conversation: Conversation,
    _who: Checkpoint,
) -> list[LearnedToken]:
    return learned_tokens(_who.model, _who.tokenizer, conversation)


@st.cache_data(max_entries=64, show_spinner=False)
def expected(
    version: int,  # noqa: ARG001
    tokens: tuple[int, ...],
    place: int,
    _model: LanguageModel,
) -> tuple[list[int], list[float]]:
    """Return the likeliest tokens at a place, and their probabilities."""
    return read_tokens(_model, list(tokens[:place])).expected(place, 5)


def moved_weights(shown: Both) -> Moved:
    """Return how far each matrix moved."""
    return _moved(shown.versions, shown)


@st.cache_data(max_entries=16, show_spinner="Comparing the weights …")
def _moved(versions: tuple[int, int], _shown: Both) -> Moved:  # noqa: ARG001
    return changed_weights.moved(_shown.before.model, _shown.after.model)


def product(shown: Both, layer: int, matrix: str) -> LowRank:
    """Return one matrix's change as a product: the adapter's, or the nearest."""
    return _product(shown.versions, layer, matrix, shown)


@st.cache_data(max_entries=64, show_spinner=False)
def _product(
    versions: tuple[int, int],  # noqa: ARG001
    layer: int,
    matrix: str,
    _shown: Both,
) -> LowRank:
    after = _shown.after
    found = low_rank.adapter_product(
        _shown.after_path, after.model.config, layer, matrix
    )
    if found is not None:
        return found
    return low_rank.nearest_product(
        _shown.before.model, after.model, layer, matrix, NEAREST_RANK
    )


def head_change(shown: Both, tokens: tuple[int, ...]) -> Array:
    """Return how differently the heads look at a row of tokens, [layer head]."""
    return _heads(shown.versions, tokens, shown)


@st.cache_data(max_entries=32, show_spinner="Comparing the heads …")
def _heads(
    versions: tuple[int, int],  # noqa: ARG001
    tokens: tuple[int, ...],
    _shown: Both,
) -> Array:
    return pattern_change_on(_shown.before.model, _shown.after.model, list(tokens))


def reads(
    shown: Both, tokens: tuple[int, ...], layer: int, head: int
) -> tuple[Array, Array]:
    """Return what the last token reads through a head, before and after, [k_pos]."""
    return _reads(shown.versions, tokens, layer, head, shown)


@st.cache_data(max_entries=64, show_spinner=False)
def _reads(
    versions: tuple[int, int],  # noqa: ARG001
    tokens: tuple[int, ...],
    layer: int,
    head: int,
    _shown: Both,
) -> tuple[Array, Array]:
    first, second = (
        attention_patterns(who.model, list(tokens))[layer, head, -1]
        for who in (_shown.before, _shown.after)
        if isinstance(who.model, TransformerLM)
    )
    return first, second


def heads_needed(shown: Both, number: int) -> HeadsNeeded:
    """Return what cutting each head costs on the first held-out questions."""
    return _needed(shown.versions, number, shown)


@st.cache_data(max_entries=16, show_spinner="Cutting each head in turn …")
def _needed(versions: tuple[int, int], number: int, _shown: Both) -> HeadsNeeded:  # noqa: ARG001
    who, asked = _shown.after, questions(_shown)[:number]
    window = who.model.config.max_seq_len
    return needed_heads.heads_needed(
        who, [needed_heads.decisive(each, who.tokenizer, window) for each in asked]
    )


def questions(shown: Both) -> list[Asked]:
    """Return held-out questions about stories that neither model has read."""
    return _questions(shown.versions, shown)


@st.cache_data(max_entries=8, show_spinner=False)
def _questions(versions: tuple[int, int], _shown: Both) -> list[Asked]:  # noqa: ARG001
    return held_out_answers.held_out_questions(
        _shown.after, _shown.before, KNOWN_QUESTIONS
    )


def answered(shown: Both, place: int) -> Answered:
    """Return both models' answers to the held-out question of a number."""
    return _answered(shown.versions, place, shown)


@st.cache_data(max_entries=400, show_spinner=False)
def _answered(versions: tuple[int, int], place: int, _shown: Both) -> Answered:  # noqa: ARG001
    asked = questions(_shown)[place]
    with models.turn_to_write():
        return held_out_answers.ask_both(_shown.after, _shown.plain, asked)


def replied(shown: Both, conversation: Conversation) -> tuple[str, str]:
    """Return both models' answers in a conversation of one's own, the base's first."""
    return _replied(shown.versions, conversation, shown)


@st.cache_data(max_entries=200, show_spinner=False)
def _replied(
    versions: tuple[int, int],  # noqa: ARG001
    conversation: Conversation,
    _shown: Both,
) -> tuple[str, str]:
    with models.turn_to_write():
        return held_out_answers.reply_both(_shown.after, _shown.before, conversation)


def conversations_of(example: Conversation | Preference) -> dict[str, Conversation]:
    """Return an example's conversations by what they are: one, or the two of a pair."""
    if isinstance(example, Preference):
        chosen, rejected = example.answers
        return {"chosen": chosen, "rejected": rejected}
    return {"example": example}
