"""From a family's fields and weights to a model, allocated once all of it fits."""

import math
from collections.abc import Callable
from typing import cast

import torch

from minigpt.errors import CheckpointError, ConfigError
from minigpt.model import TransformerLM
from minigpt.model.block import Block
from minigpt.model.positions import build_rotary
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.shape import Shape, with_queries_times
from minigpt.pretrained.weights import Weights


def build(
    shape: Shape, fields: Fields, weights: Callable[[], Weights]
) -> TransformerLM:
    """Make a model and fill in its weights.

    Args:
        shape: The family.
        fields: Its settings, as that family names them.
        weights: Opens its weights, once the settings are understood.

    Returns:
        The model, on the CPU and in evaluation mode.

    Raises:
        CheckpointError: If a field is in the way, or the weights do not fit.
    """
    try:
        config = shape.read(fields)
        if fields.query_factor != 1.0 and not shape.scales_queries:
            fields.obstacles.append(
                "its RoPE multiplies queries and keys, and this project cannot put "
                f"that into the weights of a {shape.title}"
            )
        if not math.isfinite(fields.query_factor):
            fields.obstacles.append("it multiplies queries by more than any number")
        fields.finish()
        # On the meta device: allocate no memory before all names and shapes match.
        with torch.device("meta"):
            model = TransformerLM(**config.to_dict())
    except ConfigError as error:
        # A field that is missing or wrong may be the reason, and is named first.
        fields.finish()
        raise CheckpointError(f"{fields.path}: {error}") from None
    found = weights()
    places = with_queries_times(fields.query_factor, shape.places(config))
    found.check(model.state_dict(), places)
    _give_memory(model)
    found.fill(model.state_dict(), places)
    return model.eval()


def _give_memory(model: TransformerLM) -> None:
    """Allocate the memory of a model on the meta device, without initialising it.

    Random initial weights would take seconds at GPT-2's size.
    """
    model.to_empty(device="cpu")
    for layer, block in enumerate(model.blocks):
        # RoPE's angles are not weights, so no file fills them in.
        cast(Block, block).attn.rotary = build_rotary(model.config, layer)
