"""A model with its matrices quantized, and back.

    small = quantize(model, QuantizationConfig(bits=8))
    plain = dequantize(small)        # the same logits, from ordinary layers

Every matrix that is multiplied or looked up is rounded: linear layers, embeddings, the
table of learned positions. Norms, biases and learned attention biases are vectors or
small tables, less than a hundredth of a model, and stay as they are.

Before: `layers`. Next: `fast_products`, and `minigpt.checkpoint`, which saves them.
"""

from copy import deepcopy
from typing import TypeVar, cast

from torch import Tensor, nn

from minigpt.config import QuantizationConfig
from minigpt.errors import ConfigError
from minigpt.model import LanguageModel, TransformerLM
from minigpt.model.base import LanguageModelBase
from minigpt.model.embedding import TokenEmbedding
from minigpt.model.positions import LearnedPositions
from minigpt.quantization.layers import (
    QuantizedEmbedding,
    QuantizedLayer,
    QuantizedLinear,
    QuantizedPositions,
)
from minigpt.quantization.matrix import QuantizedMatrix

Model = TypeVar("Model", bound=LanguageModelBase)


def matrices(model: nn.Module) -> dict[str, nn.Module]:
    """Return the layers whose matrices would be rounded, by name, in their order."""
    return {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear | TokenEmbedding | LearnedPositions)
    }


def quantize(model: LanguageModel, config: QuantizationConfig) -> LanguageModel:
    """Return a copy of a model with its matrices rounded and kept as integers.

    Args:
        model: Ordinary layers, of any numeric type; the copy computes in float32.
        config: The kind of grid.

    Raises:
        ConfigError: If it has a LoRA adapter, or is quantized.
    """
    if isinstance(model, TransformerLM) and model.adapter is not None:
        raise ConfigError("This model has an adapter: merge it, then quantize.")
    if model.quantization is not None:
        raise ConfigError(
            f"This model is quantized already ({model.quantization}): begin with the "
            "one it was made from."
        )
    small = deepcopy(model).float().eval().requires_grad_(False)
    weights = {
        name: cast(Tensor, layer.weight) for name, layer in matrices(small).items()
    }
    with_empty_matrices(small, config)
    for name, weight in weights.items():
        matrix = cast(QuantizedLayer, small.get_submodule(name)).matrix
        matrix.round_from(weight)
    return small


def with_empty_matrices(
    model: LanguageModel, config: QuantizationConfig
) -> LanguageModel:
    """Put quantized layers in place of a model's own, all zeros yet: to be loaded.

    Args:
        model: Changed in place; its layers may be on the meta device.
        config: The kind of grid.
    """
    for name, layer in matrices(model).items():
        weight = cast(Tensor, layer.weight)
        rows, columns = weight.shape
        with weight.device:
            matrix = QuantizedMatrix(rows, columns, config)
        model.set_submodule(name, _layer_of(layer, matrix))
    model.quantization = config
    return model


def dequantize(model: Model) -> Model:
    """Return a copy with ordinary layers, whose weights lie on the grid.

    It takes as much memory as the model before rounding, and computes what the
    quantized one does. Of a model that is not quantized: an equal copy.
    """
    plain = deepcopy(model)
    for name, layer in list(plain.named_modules()):
        if isinstance(layer, QuantizedLayer):
            plain.set_submodule(name, _plain(layer))
    plain.quantization = None
    return plain


def _layer_of(layer: nn.Module, matrix: QuantizedMatrix) -> QuantizedLayer:
    if isinstance(layer, nn.Linear):
        return QuantizedLinear(matrix, layer.bias)
    if isinstance(layer, LearnedPositions):
        return QuantizedPositions(matrix)
    return QuantizedEmbedding(matrix, cast(TokenEmbedding, layer).scale)


def _plain(layer: QuantizedLayer) -> nn.Module:
    rows, columns = layer.matrix.shape
    plain: nn.Linear | TokenEmbedding | LearnedPositions
    if isinstance(layer, QuantizedLinear):
        plain = nn.Linear(columns, rows, bias=False, device="meta")
        plain.register_parameter("bias", layer.bias)
    elif isinstance(layer, QuantizedPositions):
        plain = LearnedPositions(0, columns)
    else:
        plain = TokenEmbedding(rows, columns, device="meta")
        plain.scale = cast(QuantizedEmbedding, layer).scale
    plain.weight = nn.Parameter(layer.weight, requires_grad=False)
    return plain.train(layer.training)


def stored_bytes(model: nn.Module) -> int:
    """Count the bytes that a model's numbers take, in memory and in its file."""
    return sum(each.nbytes for each in model.state_dict().values())
