"""The command that repeats a run: `python -m minigpt train …`.

A run's configuration determines it completely. Settings equal to the recipe's are left
out, so that the command shows what is special about the run.
"""

import shlex
from typing import Any

from minigpt.config import RunConfig, get_recipe
from minigpt.config.base import Config


def training_command(config: RunConfig) -> str:
    """Return a shell command that trains the same model on the same text.

    >>> training_command(RunConfig())
    'python -m minigpt train --recipe default'

    Args:
        config: Everything that determines the run.

    Returns:
        The command; empty for a fine-tuning.
    """
    if config.finetune is not None:
        return ""
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
