"""What a figure is made from: a model and a text, or patterns recorded elsewhere."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from minigpt.errors import DataError, HookError
from minigpt.interpret.reading.prompt import Reading, read_prompt
from minigpt.model import LanguageModel, TransformerLM
from minigpt.tokenizers.base import Tokenizer

Patterns = npt.NDArray[np.float32]
"""Attention weights, [layer head q_pos k_pos]."""


def model_and_tokenizer(source: Any) -> tuple[LanguageModel, Tokenizer]:
    """Return the model and the tokenizer of a checkpoint.

    Args:
        source: What `minigpt.load` returns, or a pair of a model and its tokenizer.

    Raises:
        DataError: If it is neither.
    """
    if isinstance(source, tuple) and len(source) >= 2:
        model, tokenizer = source[:2]
        if isinstance(model, LanguageModel) and isinstance(tokenizer, Tokenizer):
            return model, tokenizer
    raise DataError(
        f"A text needs a model and its tokenizer, not a {type(source).__name__}: pass "
        "what minigpt.load returns. `heads` draws recorded patterns, with the text's "
        "tokens as a list of strings."
    )


def read_text(source: Any, text: str) -> tuple[TransformerLM, Tokenizer, Reading]:
    """Return a transformer, its tokenizer, and the text as it was read.

    Args:
        source: See `model_and_tokenizer`.
        text: What the model reads.

    Raises:
        DataError: If the model is no transformer, or cannot read this text.
    """
    model, tokenizer = model_and_tokenizer(source)
    if not isinstance(model, TransformerLM):
        raise DataError(
            "This model is an MLP, without the parts that the figure shows: choose a "
            "transformer."
        )
    return model, tokenizer, read_prompt(model, tokenizer, text)


def attention_of(source: Any, text: str | Sequence[str]) -> tuple[list[str], Patterns]:
    """Return a text's pieces, and every head's pattern on it.

    Args:
        source: With a text: a model, see `model_and_tokenizer`. With pieces: a cache
            that answers `cache["pattern", layer]`, as TransformerLens's does and ours,
            or a list with one tensor for each layer, as BertViz takes it. Tensors are
            [1 head q_pos k_pos] or [head q_pos k_pos].
        text: What the model reads, or the pieces that were read.

    Raises:
        DataError: If they do not fit each other.
    """
    if isinstance(text, str):
        _, _, reading = read_text(source, text)
        return reading.pieces, reading.patterns
    pieces = [str(piece) for piece in text]
    layers = [_one_text(layer, each) for layer, each in enumerate(_layers(source))]
    if not layers:
        raise DataError("No layer's pattern was recorded: record hook_pattern.")
    shapes = {each.shape for each in layers}
    if len(shapes) > 1:
        raise DataError(
            f"The layers' patterns differ in shape, {sorted(shapes)}: pass layers with "
            "as many heads, of one text."
        )
    _, queries, keys = layers[0].shape
    if not queries == keys == len(pieces):
        raise DataError(
            f"There are {len(pieces)} tokens, but the patterns have {queries} queries "
            f"and {keys} keys: pass one string for each token that was read."
        )
    return pieces, _weights(np.stack(layers))


def _layers(source: Any) -> Iterator[Any]:
    if isinstance(source, list | tuple):
        yield from source
        return
    for layer in count():
        try:
            yield source["pattern", layer]
        except (LookupError, HookError):
            return
        except TypeError:
            raise DataError(
                f"A {type(source).__name__} holds no patterns: pass a cache that "
                'answers cache["pattern", 0], or a list with one tensor for each layer.'
            ) from None


def _one_text(layer: int, tensor: Any) -> Patterns:
    """Return one layer's patterns, [head q_pos k_pos]."""
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().float().cpu()
    try:
        pattern = np.asarray(tensor, dtype=np.float32)
    except (TypeError, ValueError):
        raise DataError(
            f"The pattern of layer {layer} is a {type(tensor).__name__}, not a tensor."
        ) from None
    if pattern.ndim == 4 and len(pattern) == 1:
        pattern = pattern[0]
    if pattern.ndim != 3:
        raise DataError(
            f"The pattern of layer {layer} has shape {list(pattern.shape)}: pass one "
            "text, [1 head q_pos k_pos] or [head q_pos k_pos]."
        )
    return pattern


def _weights(patterns: Patterns) -> Patterns:
    # Half precision rounds a sum of weights to a little more than 1.
    if not (np.isfinite(patterns).all() and patterns.min() >= -0.001):
        raise DataError(
            "A pattern holds a number that is not a weight: pass the patterns after "
            "the softmax."
        )
    if patterns.max() > 1.01:
        raise DataError(
            f"A weight of {patterns.max():.3g} is more than 1: pass the patterns after "
            "the softmax, not the scores before it."
        )
    return patterns.clip(0, 1)


def require_inside(name: str, place: Any, size: tuple[int, ...]) -> tuple[int, int]:
    """Return a place in a table, if it is one.

    Args:
        name: What the place is called.
        place: A row and a column.
        size: How many rows and columns there are.

    Raises:
        DataError: If the place lies outside.
    """
    row, column = place
    if 0 <= row < size[0] and 0 <= column < size[1]:
        return row, column
    raise DataError(
        f"{name} {(row, column)} lies outside: the first number is 0 to {size[0] - 1}, "
        f"the second 0 to {size[1] - 1}."
    )
