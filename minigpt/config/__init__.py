"""Configurations: one source for files, flags, widgets and error texts."""

from minigpt.config.base import Config
from minigpt.config.finetuning import FinetuneConfig, LoraConfig
from minigpt.config.generation import GenerationConfig, Strategy
from minigpt.config.mlp import MLPConfig
from minigpt.config.model import ModelConfig
from minigpt.config.presets import PRESETS, get_config
from minigpt.config.quantization import QuantizationConfig, standard_quantization
from minigpt.config.recipes import RECIPES, get_recipe
from minigpt.config.training import (
    DataConfig,
    RunConfig,
    TokenizerConfig,
    TrainConfig,
)

__all__ = [
    "PRESETS",
    "RECIPES",
    "Config",
    "DataConfig",
    "FinetuneConfig",
    "GenerationConfig",
    "LoraConfig",
    "MLPConfig",
    "ModelConfig",
    "QuantizationConfig",
    "RunConfig",
    "Strategy",
    "TokenizerConfig",
    "TrainConfig",
    "get_config",
    "get_recipe",
    "standard_quantization",
]


def __getattr__(name: str) -> ModelConfig:
    """Hand on `TINY_CONFIG` … `LARGE_CONFIG`, a fresh copy for each import."""
    from minigpt.config import presets

    config: ModelConfig = getattr(presets, name)
    return config
