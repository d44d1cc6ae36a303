"""Presets of model and training together, each ingredient with its reason.

- `default`: a plain pre-norm GPT with settings that make small models learn fast: one
  minute on two CPU cores. No trick replaces an attention head, so its heads look like
  those in textbooks.
- `quick`, `three-minutes`, `ten-minutes`: the same GPT, in the size that learns most in
  that time; quick takes about ten seconds.
- `speedrun`: every trick, to reach a given loss as soon as possible. A token shift does
  the work of a previous-token head, so its heads look less like those in textbooks.
- `gpt2`: GPT-2's architecture, AdamW, warm-up and cosine. The baseline.
- `induction`: two layers of attention and nothing else, on repeated random words. An
  induction circuit forms within fifty steps, with a checkpoint at every third of them.
- `induction-live`: a smaller one, to watch it happen.
"""

from typing import Any

from minigpt.config.model import ModelConfig
from minigpt.config.training import (
    DataConfig,
    RunConfig,
    TokenizerConfig,
    TrainConfig,
)
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
        # What a token means and what predicts it are two questions: two matrices.
        "tie_embeddings": False,
    }
    train: dict[str, Any] = {
        # Orthogonalised updates: the largest single gain. Jordan et al. 2024.
        "optimizer": "muon",
        "learning_rate": 1e-2,
        "muon_learning_rate": 0.02,
        # In a short run, averages over hundreds of steps come too late.
        "beta1": 0.8,
        "beta2": 0.95,
        "muon_momentum": 0.9,
        "weight_decay": 0.0,
        "schedule": "linear",
        "warmup_steps": 0,
        "min_learning_rate_ratio": 0.0,
        # Half the bits where the machine is made for it. Kalamkar et al. 2019,
        # arXiv:1905.12322.
        "precision": "auto",
        "max_steps": 600,
        "batch_size": 16,
    }
    return RunConfig(
        recipe="default", transformer=ModelConfig(**model), train=TrainConfig(**train)
    )


def _speedrun() -> RunConfig:
    model: dict[str, Any] = {
        # Fewer operations, and larger ones: two layers, read by a wide head.
        "num_layers": 2,
        "max_seq_len": 64,
        # What a previous-token head would have to learn. Peng et al. 2023,
        # arXiv:2305.13048.
        "token_shift": True,
        # What a token is stays readable in every layer. Zhou et al. 2024,
        # arXiv:2410.17897.
        "value_embeddings": True,
    }
    # As large steps as those of quick.
    return _sized("speedrun", model, {"max_steps": 140, "muon_learning_rate": 0.04})


def _quick() -> RunConfig:
    # The shorter the run, the larger the steps that it needs.
    train = {"max_steps": 180, "muon_learning_rate": 0.04}
    return _sized("quick", {"num_layers": 3, "max_seq_len": 64}, train)


def _three_minutes() -> RunConfig:
    return _sized(
        "three-minutes", {"d_model": 192, "num_heads": 6}, {"max_steps": 1000}
    )


def _ten_minutes() -> RunConfig:
    # From the third pass over a small text on, dropout keeps a model from memorising
    # it. Srivastava et al. 2014, JMLR 15.
    model = {"d_model": 192, "num_heads": 6, "num_layers": 5, "dropout": 0.1}
    return _sized("ten-minutes", model, {"max_steps": 2500})


def _sized(name: str, model: dict[str, Any], train: dict[str, Any]) -> RunConfig:
    """Return the default with some settings changed."""
    base = _default()
    return base.replace(
        recipe=name,
        transformer=base.transformer.replace(**model).to_dict(),
        train=base.train.replace(**train).to_dict(),
    )


def _gpt2() -> RunConfig:
    model = ModelConfig(d_model=128, num_layers=4, num_heads=4, max_seq_len=64)
    train = TrainConfig(max_steps=2000, batch_size=12, beta2=0.99)
    return RunConfig(recipe="gpt2", transformer=model, train=train)


INDUCTION_CHECKPOINTS = (
    *(0, 1, 2, 4, 8, 16, 32, 48, 64, 72, 78),
    *range(84, 145, 3),
    *(150, 160, 180, 200, 240, 280, 320, 360, 400),
)
"""Dense where the heads form, sparse before and after."""


def _induction() -> RunConfig:
    model: dict[str, Any] = {
        "d_model": 64,
        "num_layers": 2,
        "num_heads": 2,
        # Nothing but attention: no MLP shares the work.
        "d_ff": 0,
        "max_seq_len": 64,
        "positional_encoding": "relative",
        "relative_distances": 16,
        # Decides beforehand which head reads the previous token: the first. With equal
        # gains the heads share that work, and ablating one of them shows little.
        "relative_gain": (10.0, 1.0),
        "norm": "rmsnorm",
        "bias": False,
        "tie_embeddings": False,
    }
    train: dict[str, Any] = {
        "optimizer": "muon",
        "learning_rate": 3e-3,
        "muon_learning_rate": 0.02,
        "beta1": 0.9,
        "beta2": 0.98,
        "muon_momentum": 0.95,
        "weight_decay": 0.01,
        "schedule": "linear",
        "warmup_steps": 20,
        "decay_start": 0.7,
        "max_steps": 400,
        "batch_size": 16,
        "eval_interval": 50,
        "checkpoint_steps": INDUCTION_CHECKPOINTS,
    }
    return RunConfig(
        recipe="induction",
        data=DataConfig(source="repeats"),
        tokenizer=TokenizerConfig(kind="word"),
        transformer=ModelConfig(**model),
        train=TrainConfig(**train),
    )


def _induction_live() -> RunConfig:
    whole = _induction()
    small = {"d_model": 32, "max_seq_len": 32}
    train = {
        "max_steps": 500,
        "eval_interval": 100,
        "num_threads": 1,  # so small that threads would mostly wait for each other
        "checkpoint_steps": (
            *(0, 1, 2, 4, 8, 16, 32, 48, 64, 80, 90),
            *range(100, 221, 5),
            *range(240, 501, 20),
        ),
    }
    return whole.replace(
        recipe="induction-live",
        data=whole.data.replace(repeats_words=64).to_dict(),
        transformer=whole.transformer.replace(**small).to_dict(),
        train=whole.train.replace(**train).to_dict(),
    )


RECIPES = {
    "default": _default,
    "quick": _quick,
    "three-minutes": _three_minutes,
    "ten-minutes": _ten_minutes,
    "speedrun": _speedrun,
    "gpt2": _gpt2,
    "induction": _induction,
    "induction-live": _induction_live,
}


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
