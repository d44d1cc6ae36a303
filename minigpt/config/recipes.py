"""Presets of model and training together, each ingredient with its reason.

- `default`: a pure pre-norm GPT, trained with what makes small models learn fast on a
  CPU. Nothing in it does an attention head's work for it, so its heads look like the
  textbook's.
- `gpt2`: GPT-2's architecture, AdamW, warm-up and cosine. The baseline.
"""

from typing import Any

from minigpt.config.model import ModelConfig
from minigpt.config.training import RunConfig, TrainConfig
from minigpt.errors import ConfigError, near_names


def _default() -> RunConfig:
    model: dict[str, Any] = {
        "d_model": 128,
        "num_layers": 4,
        "num_heads": 4,
        "max_seq_len": 128,
        # A learned bias per distance: previous-token and induction heads form within a
        # hundred steps, one job to a head. Raffel et al. 2020, arXiv:1910.10683.
        "positional_encoding": "relative",
        # Sparse and cheap. So et al. 2021, arXiv:2109.08668.
        "activation": "relu2",
        # At this size learned scales, shifts and biases cost time and gain nothing.
        "norm_affine": False,
        "bias": False,
        # The head may differ from the embedding: it answers another question.
        "tie_embeddings": False,
    }
    train: dict[str, Any] = {
        # Orthogonalised updates: the largest single gain. Jordan et al. 2024.
        "optimizer": "muon",
        "learning_rate": 1e-2,
        "muon_learning_rate": 0.02,
        # Short runs have no time for long memories.
        "beta1": 0.8,
        "beta2": 0.95,
        "muon_momentum": 0.9,
        "weight_decay": 0.0,
        "schedule": "linear",
        "warmup_steps": 0,
        "min_learning_rate_ratio": 0.0,
        "max_steps": 600,
        "batch_size": 16,
    }
    return RunConfig(
        recipe="default", transformer=ModelConfig(**model), train=TrainConfig(**train)
    )


def _gpt2() -> RunConfig:
    model = ModelConfig(d_model=128, num_layers=4, num_heads=4, max_seq_len=64)
    train = TrainConfig(max_steps=2000, batch_size=12, beta2=0.99)
    return RunConfig(recipe="gpt2", transformer=model, train=train)


RECIPES = {"default": _default, "gpt2": _gpt2}


def get_recipe(name: str) -> RunConfig:
    """Return a preset of model and training together.

    Raises:
        ConfigError: If there is no recipe of that name.
    """
    if name not in RECIPES:
        raise ConfigError(
            f"There is no recipe {name!r}: choose {', '.join(RECIPES)}."
            f"{near_names(name, RECIPES)}"
        )
    return RECIPES[name]()
