"""The model, in reading order: norm, positions, attention, MLP, block, transformer."""

from typing import Any, Literal

from minigpt.errors import ConfigError
from minigpt.model.attention import (
    CausalAttention,
    MultiHeadAttention,
    SelfAttention,
)
from minigpt.model.block import Block
from minigpt.model.feedforward import FeedForward, GatedFeedForward
from minigpt.model.kv_cache import Cache
from minigpt.model.mlp_lm import MLPLM
from minigpt.model.norm import LayerNorm, RMSNorm
from minigpt.model.transformer import TransformerLM

LanguageModel = TransformerLM | MLPLM
MODEL_TYPES: dict[str, type[TransformerLM] | type[MLPLM]] = {
    "transformer": TransformerLM,
    "mlp": MLPLM,
}


def create_model(
    model_type: Literal["transformer", "mlp"] | str, **settings: Any
) -> LanguageModel:
    """Build a model by the name of its kind.

    Args:
        model_type: `transformer` or `mlp`.
        settings: The fields of `ModelConfig` or `MLPConfig`.

    Raises:
        ConfigError: If the kind or a setting is unknown.
    """
    if model_type not in MODEL_TYPES:
        raise ConfigError(
            f"model_type is {model_type!r}: choose {' or '.join(MODEL_TYPES)}."
        )
    return MODEL_TYPES[model_type](**settings)


__all__ = [
    "MLPLM",
    "MODEL_TYPES",
    "Block",
    "Cache",
    "CausalAttention",
    "FeedForward",
    "GatedFeedForward",
    "LanguageModel",
    "LayerNorm",
    "MultiHeadAttention",
    "RMSNorm",
    "SelfAttention",
    "TransformerLM",
    "create_model",
]
