"""What rounding a model was found to cost, kept for the next reader."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.config import QuantizationConfig
from minigpt.interpret.corpora import Windows
from minigpt.interpret.weights.rounding_cost import (
    loss_with,
    matrix_names,
    rounded_weights,
    time_of_a_token,
)
from minigpt.interpret.weights.rounding_pictures import GridPicture, grid_picture
from minigpt.model.sizes import num_parameters
from minigpt.quantization import quantize, stored_bytes
from minigpt.quantization.models import matrices
from pages.compare.numbers import Compared
from pages.frame import corpora, models
from pages.frame.remember import remember

MANY, FEW = 64, 4
"""Windows of 64 tokens that are read; the few by a model of more weights than this:"""
QUICK = 5_000_000
LARGEST = 300_000_000
TIMED = 24
"""New tokens whose median time counts."""


class WholeCost(NamedTuple):
    """A whole model on one grid."""

    name: str
    num_bytes: int
    loss: float
    """Nats per token."""
    milliseconds: float
    """For one new token."""


def windows(checkpoint: Checkpoint) -> Windows:
    """Return the text that losses are measured on."""
    return corpora.windows(checkpoint, _count(checkpoint))


def opening(shown: Compared) -> str:
    """Return the lines of Python that load both models and draw these windows."""
    length = f"min({corpora.LONGEST}, after.model.config.max_seq_len)"
    count = _count(shown.after.checkpoint)
    return (
        "from minigpt.interpret.corpora import held_out_windows\n"
        f"{shown.opening}windows = held_out_windows("
        f"after.metadata, after.tokenizer, {length}, {count})\n"
    )


def weight_of(checkpoint: Checkpoint, name: str) -> Any:
    """Return a matrix of a model."""
    return matrices(checkpoint.model)[name].weight


@remember(128)
def picture_of(
    checkpoint: Checkpoint, name: str, config: QuantizationConfig
) -> GridPicture:
    """Return a matrix's weights along their grid."""
    return grid_picture(weight_of(checkpoint, name), config)


def can_measure(checkpoint: Checkpoint) -> bool:
    """Whether a few copies of a model fit into memory, and its losses into an hour."""
    return num_parameters(checkpoint.model.config) <= LARGEST


@remember(256)
def cost_of_whole(
    checkpoint: Checkpoint, name: str, config: QuantizationConfig | None
) -> WholeCost:
    """Round all matrices, and measure; None: the model as it is."""
    model, texts = checkpoint.model, windows(checkpoint)
    if config is None:
        small, weights = model, {}
    else:
        small = quantize(model, config)
        weights = rounded_weights(model, matrix_names(model), config)
    with models.turn_to_write():
        loss = loss_with(model, texts, weights)
        milliseconds = time_of_a_token(small, texts[0][:4].tolist(), TIMED)
    return WholeCost(name, stored_bytes(small), loss, milliseconds)


@remember(2048)
def rise_of(checkpoint: Checkpoint, name: str, config: QuantizationConfig) -> float:
    """Round one matrix alone, and return how much the loss rises."""
    model, texts = checkpoint.model, windows(checkpoint)
    weights = rounded_weights(model, [name], config)
    with models.turn_to_write():
        return loss_with(model, texts, weights) - _loss(checkpoint)


@remember(64)
def _loss(checkpoint: Checkpoint) -> float:
    return loss_with(checkpoint.model, windows(checkpoint), {})


def whole_table(costs: Sequence[WholeCost]) -> dict[str, list[Any]]:
    """Return the columns of the table of whole models; the first was not rounded."""
    first = costs[0]
    return {
        "weights as": [each.name for each in costs],
        "MB": [f"{each.num_bytes / 1e6:.2f}" for each in costs],
        "size": [f"{each.num_bytes / first.num_bytes:.3f}" for each in costs],
        "loss": [f"{each.loss:.4f}" for each in costs],
        "rise": [f"{each.loss - first.loss:+.4f}" for each in costs],
        "ms/token": [f"{each.milliseconds:.2f}" for each in costs],
    }


def _count(checkpoint: Checkpoint) -> int:
    return MANY if num_parameters(checkpoint.model.config) <= QUICK else FEW
