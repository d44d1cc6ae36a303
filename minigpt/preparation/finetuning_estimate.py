"""What a fine-tuning will cost, said before it starts: weights, examples, minutes.

A file's examples are all read and checked, so that what is wrong in it is told now; of
tales only the first are written.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from minigpt.checkpoint import Checkpoint
from minigpt.config import RunConfig
from minigpt.datasets.conversation_files import (
    Recognised,
    recognise_conversations,
    recognise_preferences,
)
from minigpt.datasets.conversations import Conversation, Preference
from minigpt.datasets.tales.instructions import instructions, preferences
from minigpt.errors import RunError
from minigpt.finetuning.fitting import leave_out_long
from minigpt.finetuning.supervised import fits
from minigpt.model.lora import adaptable
from minigpt.model.sizes import num_parameters
from minigpt.preparation.estimate import operations_per_second
from minigpt.preparation.finetuning import HELD_OUT, read_or_write
from minigpt.preparation.free_cores import slower_now

Item = TypeVar("Item", Conversation, Preference)

_WRITTEN = 60
"""Examples of tales to count tokens of."""
_EFFICIENCY = 0.35
"""What a step on short padded rows reaches of a plain matrix product's speed."""
_SECONDS_PER_STEP = 0.02


class Examples(NamedTuple):
    """What a tuning learns from, checked against its base."""

    train: list[Conversation] | list[Preference]
    held_out: list[Conversation] | list[Preference]
    lengths: list[int]
    """Tokens of each example to learn from; of a pair, both answers' rows."""
    remark: str = ""
    """What a file was taken for, and what of it is left out; empty of tales."""


class TuningEstimate(NamedTuple):
    """What is known before the start; the time is rough."""

    learning: int
    """Weights that learn."""
    weights: int
    """All weights of the base."""
    examples: int
    held_out: int
    passes: float
    """How often each example is read."""
    seconds: float


def some_examples(config: RunConfig, base: Checkpoint) -> Examples:
    """Read a file's examples, without those too long for the base, or write some.

    Args:
        config: Its `finetune` says which.
        base: The base, with chat tokens.

    Raises:
        DataError: If a file is wrong or too short, or no example fits into the base's
            window.
        RunError: If the run is no fine-tuning.
    """
    finetune = config.finetune
    if finetune is None:
        raise RunError("This run is not a fine-tuning run: it has no examples.")
    few = finetune.replace(tales_examples=min(_WRITTEN, finetune.tales_examples))
    short = fits(base.tokenizer, base.model.config.max_seq_len)
    if finetune.method == "sft":
        said, read = _listening(recognise_conversations)
        found = read_or_write(
            few, read, lambda split: instructions(0, split, short), 20
        )
        return _fitting(found, base, said)
    said, read_pairs = _listening(recognise_preferences)
    pairs = read_or_write(
        few, read_pairs, lambda split: preferences(0, split, short), 20
    )
    return _fitting(pairs, base, said)


def _listening(
    recognise: Callable[[str], Recognised[Item]],
) -> tuple[list[str], Callable[[str], list[Item]]]:
    """Return a reader of examples, and the list in which it leaves its remark."""
    said: list[str] = []

    def read(path: str) -> list[Item]:
        found = recognise(path)
        said.append(found.remark)
        return found.examples

    return said, read


def _fitting(
    parts: tuple[list[Item], list[Item]], base: Checkpoint, said: list[str]
) -> Examples:
    """Leave out what is longer than the base's window, and say so."""
    window = base.model.config.max_seq_len
    train, held_out = (leave_out_long(each, base.tokenizer, window) for each in parts)
    remarks = [*said, train.remark]
    if held_out.remark:
        remarks.append(f"Of those held out: {held_out.remark}")
    remark = " ".join(filter(None, remarks))
    return Examples(train.kept, held_out.kept, train.lengths, remark)


def estimate_finetuning(
    config: RunConfig, base: Checkpoint, examples: Examples
) -> TuningEstimate:
    """Estimate a fine-tuning's size and duration on this machine.

    Args:
        config: Everything that determines the run.
        base: The base, with chat tokens.
        examples: What `some_examples` returned.

    Raises:
        ConfigError: If an adapter does not fit the base.
    """
    finetune, train = config.finetune, config.train
    assert finetune is not None
    weights = num_parameters(base.model.config)
    learning = weights
    if finetune.lora is not None:
        layers = adaptable(base.model, finetune.lora).values()
        learning = finetune.lora.rank * sum(
            layer.in_features + layer.out_features for layer in layers
        )
    is_tales = finetune.examples == "tales"
    number = finetune.tales_examples if is_tales else len(examples.train)
    steps = train.max_steps or train.num_epochs * max(1, number // train.batch_size)
    rows = train.batch_size * train.accumulation_steps
    tokens = steps * rows * sum(examples.lengths) / len(examples.lengths)
    # 2 operations per weight and token forward, 2 backward through, 2 for each weight
    # that learns; a reference reads everything once more.
    per_token = 4 * weights + 2 * learning + 2 * weights * (finetune.method == "dpo")
    speed = _EFFICIENCY * operations_per_second()
    return TuningEstimate(
        learning=learning,
        weights=weights,
        examples=number,
        held_out=HELD_OUT if is_tales else len(examples.held_out),
        passes=steps * rows / number,
        seconds=tokens * per_token / speed + steps * _SECONDS_PER_STEP * slower_now(),
    )
