"""What a run will cost, said before it starts: weights, tokens, minutes.

Characters are counted on all of a text that you brought; words, byte pairs and tokens
per character on its beginning, the machine's speed on one matrix product.
"""

import os
import time
from functools import lru_cache
from typing import NamedTuple

import torch

from minigpt.config import DataConfig, RunConfig
from minigpt.datasets.corpus import (
    characters_to_learn,
    is_large,
    load_text,
    read_text,
    split_text,
    stretch,
)
from minigpt.datasets.files.text_file import TextFile
from minigpt.datasets.repeated_words import STEPS_PER_EPOCH
from minigpt.datasets.tales.story import generate_tales
from minigpt.errors import DataError
from minigpt.model.sizes import num_parameters, training_flops_per_token
from minigpt.preparation.free_cores import slower_now
from minigpt.tokenizers.storage import build_tokenizer
from minigpt.training.flops import product_speed

_SAMPLE_CHARACTERS = 100_000
_BEGINNING_CHARACTERS = 1_000_000
_VOCABULARY_CHARACTERS = {"char": 50_000_000, "word": 1_000_000, "bpe": 100_000}
# What a training step reaches of a plain matrix product's speed at these sizes, with
# attention, norms, the backward pass and the optimizer around it.
_EFFICIENCY = 0.5
# A step of the smallest model still calls some hundred small functions.
_SECONDS_PER_STEP = 0.008
_MEASURING_SECONDS = 0.05


class Estimate(NamedTuple):
    """What is known about a run before it starts; all but the weights is rough."""

    num_parameters: int
    vocab_size: int
    text_tokens: int | None
    """Tokens in the whole text; None for one that never comes to an end."""
    steps: int
    seen_tokens: int
    """Tokens trained on, over all steps; more than the text has: several passes."""
    seconds: float
    slower: float
    """How many times longer that is than on a free machine."""


def estimate_run(config: RunConfig) -> Estimate:
    """Estimate a run's size and duration on this machine.

    Args:
        config: Everything that determines the run.

    Raises:
        DataError: If the text cannot be read, is empty, or shorter than one window.
    """
    if config.data.source == "repeats":
        tokenizer = build_tokenizer(config.tokenizer, load_text(config.data).split())
        return _estimate(config, tokenizer.vocab_size, None, STEPS_PER_EPOCH)
    text, num_characters = _text(config.data)
    to_learn, _ = split_text(text, config.data.validation_fraction)
    beginning = to_learn[: _VOCABULARY_CHARACTERS[config.tokenizer.kind]]
    tokenizer = build_tokenizer(config.tokenizer, beginning)
    vocab_size = tokenizer.vocab_size
    sample = text[:_SAMPLE_CHARACTERS]
    text_tokens = round(len(tokenizer.encode(sample)) * num_characters / len(sample))
    context = config.model.max_seq_len
    fraction = config.data.validation_fraction
    learned = characters_to_learn(num_characters, fraction) / num_characters
    held_out = text_tokens * (1 - learned)
    if min(held_out, text_tokens - held_out) <= context:
        raise DataError(
            f"The text has about {text_tokens} tokens; with a share of "
            f"{fraction:g} held out, both parts need more than "
            f"one window of {context}: use a longer text or a smaller max_seq_len."
        )
    tokens_per_step = config.train.batch_size * context
    per_epoch = max(1, int(text_tokens - held_out) // tokens_per_step)
    return _estimate(config, vocab_size, text_tokens, per_epoch)


def _estimate(
    config: RunConfig, vocab_size: int, text_tokens: int | None, steps_per_epoch: int
) -> Estimate:
    model = config.model.replace(vocab_size=vocab_size)
    tokens_per_step = config.train.batch_size * config.model.max_seq_len
    steps = config.train.max_steps or config.train.num_epochs * steps_per_epoch
    operations = training_flops_per_token(model) * steps * tokens_per_step
    return Estimate(
        num_parameters=num_parameters(model),
        vocab_size=vocab_size,
        text_tokens=text_tokens,
        steps=steps,
        seen_tokens=steps * tokens_per_step,
        seconds=operations / (_EFFICIENCY * operations_per_second())
        + steps * _SECONDS_PER_STEP * slower_now(),
        slower=slower_now(),
    )


def _text(data: DataConfig) -> tuple[str, int]:
    """Return the text, of much its beginning, and the length of the whole."""
    if data.source == "tales":
        size = round(data.tales_megabytes * 1_000_000)
        return generate_tales(min(size, _SAMPLE_CHARACTERS)), size
    if is_large(data):
        file = TextFile(data.source)
        text = "".join(stretch(file.blocks(), end=_BEGINNING_CHARACTERS))
        return text, round(file.num_bytes * len(text) / len(text.encode()))
    text = read_text(data.source)
    return text, len(text)


def operations_per_second() -> float:
    """Measure how fast this machine multiplies matrices, in operations per second.

    With what others leave of it now. A machine that was busy a while ago may be free
    now: the speed is measured again every minute.
    """
    return _speed_of(minute=int(time.monotonic() // 60)) / slower_now()


@lru_cache(maxsize=1)
def _speed_of(minute: int) -> float:  # noqa: ARG001
    left, right = torch.randn(1024, 128), torch.randn(128, 512)
    speed = product_speed(left, right, seconds=_MEASURING_SECONDS)
    # A training process takes every core; this one may be held to a single thread.
    cores = max(1, (os.cpu_count() or 1) // torch.get_num_threads())
    return speed * cores
