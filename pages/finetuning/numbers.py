"""What the Fine-tuning page shows, computed once: what a fine-tuning changed."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from minigpt.checkpoint import Checkpoint
from minigpt.config import FinetuneConfig, RunConfig
from minigpt.datasets.conversation_files import read_conversations, read_preferences
from minigpt.datasets.conversations import Conversation, Preference
from minigpt.datasets.tales.instructions import Asked
from minigpt.datasets.tales.words import Split
from minigpt.errors import DataError
from minigpt.finetuning.inspection import (
    changed_weights,
    held_out_answers,
    low_rank,
    needed_heads,
)
from minigpt.finetuning.inspection.changed_weights import Moved
from minigpt.finetuning.inspection.held_out_answers import Answered, OwnAnswer
from minigpt.finetuning.inspection.largest_gain import Gain, largest_gain
from minigpt.finetuning.inspection.low_rank import LowRank
from minigpt.finetuning.inspection.needed_heads import HeadsNeeded
from minigpt.finetuning.supervised import LearnedToken, learned_tokens
from minigpt.interpret.differences.pattern_change import pattern_change_on
from minigpt.interpret.reading.prompt import attention_patterns
from minigpt.interpret.reading.text import read_tokens
from minigpt.library.finetuned import base_path
from minigpt.model import LanguageModel, TransformerLM
from minigpt.places import data_directory
from minigpt.preparation.finetuning import divided
from minigpt.preparation.finetuning_estimate import (
    estimate_finetuning,
    some_examples,
)
from pages.finetuning.tunings import Tuning, base_name
from pages.frame import models, notebook
from pages.frame.remember import remember
from viz.attention import Array

KNOWN_QUESTIONS = 150
"""Held-out questions: not reading is measured on all, the models on some."""
NEAREST_RANK = 8
"""Of the changes of a full fine-tuning: the rank of the product that is shown."""


@dataclass(frozen=True)
class Both:
    """A model before and after fine-tuning; both know the chat tokens."""

    tuning: Tuning = field(compare=False)
    """Which one; what the models do does not depend on it."""
    before: Checkpoint
    after: Checkpoint
    base_path: Path
    after_path: Path

    @property
    def opening(self) -> str:
        """Lines of Python that load both."""
        return notebook.naming(
            before=f"ready_to_chat(minigpt.load({str(self.base_path)!r}))",
            after=f"ready_to_chat(minigpt.load({str(self.after_path)!r}))",
        )

    @property
    def base_name(self) -> str:
        """What the base is called."""
        return base_name(self.base_path)


def both(tuning: Tuning, step: int | None = None) -> Both:
    """Open the models before and after a fine-tuning.

    Args:
        tuning: One that has saved a model.
        step: A saved step of the fine-tuning; None: the model it would open with.

    Raises:
        RunError: If the base is not here.
        CheckpointError: If a model cannot be opened.
    """
    assert tuning.entry is not None
    base = base_path(tuning.finetune, data_directory())
    path = tuning.entry.path_at(step)
    return Both(tuning, ready(base), models.load(path), base, path)


def ready(path: Path) -> Checkpoint:
    """Return a checkpoint that knows the chat tokens; the same object each time.

    Raises:
        CheckpointError: If it cannot be opened, or its tokenizer is another model's.
    """
    return models.with_chat_tokens(models.load(path))


def _what_examples(config: RunConfig, base: Checkpoint) -> tuple[object, ...]:
    """Return what the examples of a fine-tuning depend on."""
    finetune = config.finetune
    file = Path(finetune.examples)
    return base.model, finetune.method, file, finetune.validation_fraction


examples = remember(12, spinner="Reading the examples …", key=_what_examples)(
    some_examples
)
"""What a tuning learns from, and what it is tested on."""


def held_out(shown: Both) -> list[Conversation | Preference]:
    """Return examples that a fine-tuning was not trained on.

    Raises:
        DataError: If they stand in a file that is gone.
    """
    config = RunConfig(finetune=shown.tuning.finetune)
    return [*examples(config, shown.before).held_out]


def held_out_tales(shown: Both) -> list[Conversation | Preference]:
    """Return such examples of tales, whatever it was trained on."""
    tales = RunConfig(finetune=shown.tuning.finetune.replace(examples="tales"))
    return [*examples(tales, shown.before).held_out]


@remember(12)
def number_of(file: str, method: Literal["sft", "dpo"]) -> int | None:
    """Return how many examples a file has to learn from; None of tales.

    None, too, of a file that cannot be read: what is wrong is told by `examples`.
    """
    finetune = FinetuneConfig(method=method, base="base", examples=file)
    if not finetune.is_own_file:
        return None
    try:
        if method == "sft":
            return len(divided(finetune, read_conversations(file))[0])
        return len(divided(finetune, read_preferences(file))[0])
    except DataError:
        return None


estimate = remember(32, key=lambda config, base, _: (config, base.model))(
    estimate_finetuning
)
"""What a tuning will cost."""


@remember(64)
def conversation_losses(
    who: Checkpoint, conversation: Conversation
) -> list[LearnedToken]:
    """Return a conversation token by token, as the loss sees it."""
    return learned_tokens(who.model, who.tokenizer, conversation)


@remember(32, key=lambda shown, examples: (shown, tuple(examples)))
def opening(shown: Both, examples: list[Conversation]) -> Gain:
    """Return which of some held-out examples gained most: where the page opens."""
    return largest_gain(shown.before, shown.after, examples)


@remember(64)
def expected(
    model: LanguageModel, tokens: list[int], place: int
) -> tuple[list[int], list[float]]:
    """Return the likeliest tokens at a place, and their probabilities."""
    return read_tokens(model, tokens[:place]).expected(place, 5)


@remember(16, spinner="Comparing the weights …")
def moved_weights(shown: Both) -> Moved:
    """Return how far each matrix moved."""
    return changed_weights.moved(shown.before.model, shown.after.model)


@remember(64)
def product(shown: Both, layer: int, matrix: str) -> LowRank:
    """Return one matrix's change as a product: the adapter's, or the nearest."""
    before, after = shown.before.model, shown.after.model
    found = low_rank.adapter_product(shown.after_path, after.config, layer, matrix)
    if found is not None:
        return found
    return low_rank.nearest_product(before, after, layer, matrix, NEAREST_RANK)


@remember(32, spinner="Comparing the heads …")
def head_change(shown: Both, tokens: tuple[int, ...]) -> Array:
    """Return how much each head's attention on some tokens changed, [layer head]."""
    return pattern_change_on(shown.before.model, shown.after.model, list(tokens))


@remember(64)
def reads(
    shown: Both, tokens: tuple[int, ...], layer: int, head: int
) -> tuple[Array, Array]:
    """Return what the last token reads through a head, before and after, [k_pos]."""
    first, second = (
        attention_patterns(who.model, list(tokens))[layer, head, -1]
        for who in (shown.before, shown.after)
        if isinstance(who.model, TransformerLM)
    )
    return first, second


@remember(16, spinner="Ablating each head in turn …")
def heads_needed(shown: Both, number: int) -> HeadsNeeded:
    """Return what ablating each head costs on the first held-out questions."""
    who, asked = shown.after, questions(shown)[:number]
    window = who.model.config.max_seq_len
    return needed_heads.heads_needed(
        who, [needed_heads.decisive(each, who.tokenizer, window) for each in asked]
    )


@remember(16)
def questions(shown: Both, split: Split = "held_out") -> list[Asked]:
    """Return questions about stories that neither model has read.

    Args:
        shown: The models.
        split: `held_out`: in words that they know; `new`: in words they never met.
    """
    return held_out_answers.held_out_questions(
        shown.after, shown.before, KNOWN_QUESTIONS, split
    )


@remember(400)
def answered(shown: Both, place: int, split: Split = "held_out") -> Answered:
    """Return the answers to the held-out question of a number."""
    asked = questions(shown, split)[place]
    with models.turn_to_write():
        return held_out_answers.ask_both(shown.after, shown.before, asked)


@remember(400)
def replied(shown: Both, conversation: Conversation) -> OwnAnswer:
    """Return both models' answers in a conversation of one's own."""
    with models.turn_to_write():
        return held_out_answers.reply_both(shown.after, shown.before, conversation)


def conversations_of(example: Conversation | Preference) -> dict[str, Conversation]:
    """Return an example's conversations by what they are: one, or the two of a pair."""
    if isinstance(example, Preference):
        chosen, rejected = example.answers
        return {"chosen": chosen, "rejected": rejected}
    return {"example": example}
