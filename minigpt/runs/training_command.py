"""The command that repeats a run: `python -m minigpt train …` or `… finetune …`.

A run's configuration determines it completely. Settings equal to the recipe's are left
out, so that the command shows what is special about the run.
"""

import shlex
from pathlib import PurePosixPath
from typing import Any

from minigpt.config import FinetuneConfig, RunConfig, TrainConfig, get_recipe
from minigpt.config.base import Config
from minigpt.config.finetuning_recipes import default_training

_SHORT_NAMES = {"examples": "data_file"}
_FROM_THE_BASE = ("method", "base", "base_sha256")


def training_command(config: RunConfig) -> str:
    """Return a shell command that trains the same model on the same text.

    >>> training_command(RunConfig())
    'python -m minigpt train --recipe default'

    Args:
        config: Everything that determines the run.

    Returns:
        The command.
    """
    if config.finetune is not None:
        return finetuning_command(config.finetune, config.train)
    base = get_recipe(config.recipe)
    words = ["python", "-m", "minigpt", "train", "--recipe", config.recipe]
    if config.model_type != base.model_type:
        words += ["--model_type", config.model_type]
    data = _changed(config.data, base.data)
    tokens = _changed(config.tokenizer, base.tokenizer)
    flags: dict[str, Any] = {}
    if "source" in data:
        flags["data"] = data.pop("source")
    if "kind" in tokens:
        flags["tokenizer"] = tokens.pop("kind")
    model = base.mlp if config.model_type == "mlp" else base.transformer
    sizes = _changed(config.model, model)
    train = _changed(config.train, base.train)
    for name in _ignored(config):
        for group in (data, tokens, sizes, train):
            group.pop(name, None)
    if config.train.max_steps is None:
        train["num_epochs"] = config.train.num_epochs
    for name, value in {**flags, **data, **tokens, **sizes, **train}.items():
        words += _flag(name, value)
    return shlex.join(words)


def finetuning_command(finetune: FinetuneConfig, train: TrainConfig) -> str:
    """Return a shell command that tunes the same base on the same examples.

    >>> finetuning_command(
    ...     FinetuneConfig(base="data/models/tales", lora_rank=4),
    ...     default_training("sft", has_adapter=True),
    ... )
    'python -m minigpt finetune sft --base tales --lora_rank 4'

    Args:
        finetune: Method, base and examples.
        train: How it is trained.
    """
    words = ["python", "-m", "minigpt", "finetune", finetune.method]
    words += ["--base", base_name(finetune.base)]
    begin = FinetuneConfig(method=finetune.method, base=finetune.base)
    usual = default_training(finetune.method, has_adapter=finetune.lora is not None)
    settings = _changed(finetune, begin)
    for name in (*_FROM_THE_BASE, "packed" if finetune.method == "dpo" else "beta"):
        settings.pop(name, None)
    changed = _changed(train, usual)
    if train.max_steps is None:
        changed |= {"num_epochs": train.num_epochs}
    for name, value in {**settings, **changed}.items():
        if value is not None:
            words += _flag(_SHORT_NAMES.get(name, name), value)
    return shlex.join(words)


def base_name(path: str) -> str:
    """Return how a base is called on the command line: its name, or else its path.

    >>> base_name("/home/me/data/models/tales")
    'tales'
    >>> base_name("/home/me/data/runs/mine/checkpoints/best_model")
    'mine'
    >>> base_name("/home/me/data/runs/mine/checkpoints/checkpoint_step_8")
    '/home/me/data/runs/mine/checkpoints/checkpoint_step_8'
    """
    parts = PurePosixPath(path.replace("\\", "/")).parts
    match parts[-4:]:
        case (*_, "models", name):
            return name
        case ("runs", name, "checkpoints", "best_model"):
            return name
    return path


def _changed(config: Config, base: Config) -> dict[str, Any]:
    theirs = dict(base)
    return {name: value for name, value in config if value != theirs[name]}


def _ignored(config: RunConfig) -> set[str]:
    """Name the settings that do not apply here, and that the command refuses."""
    is_bpe = config.tokenizer.kind == "bpe"
    ignored = {"min_freq" if is_bpe else "vocab_size"}
    if config.data.source != "tales":
        ignored.add("tales_megabytes")
    if config.data.source != "repeats":
        ignored.add("repeats_words")
    ignored.add("max_steps" if config.train.max_steps is None else "num_epochs")
    return ignored


def _flag(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no_{name}"]
    if isinstance(value, tuple | list):
        return [f"--{name}", *map(str, value)]
    return [f"--{name}", str(value)]
