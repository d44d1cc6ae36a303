"""The flags of `train`: every field of every config, flat, with the recipe's values.

The recipe, the preset and the kind of model determine the defaults of all other flags,
so those three are read first; then tyro parses the rest, and `--help` shows the values
that would really be used. Some flags have a second name, from tutorials that use other
terms (`--embedding_dim` is `--d_model`).
"""

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from minigpt.cli.parsing import config_fields, flag, given_flags, parse
from minigpt.cli.run_flags import RunFlags, check_engine
from minigpt.config import (
    PRESETS,
    DataConfig,
    MLPConfig,
    ModelConfig,
    RunConfig,
    TokenizerConfig,
    TrainConfig,
    get_config,
    get_recipe,
)
from minigpt.config.training import BUILT_IN
from minigpt.errors import ConfigError
from minigpt.regular_files import expanded

SECOND_NAMES = {
    "d_model": "--embedding_dim",
    "d_ff": "--hidden_dim",
    "max_seq_len": "--sequence_length",
}
_MODEL_FIELDS = set(ModelConfig.model_fields) - {"vocab_size"}
_MLP_FIELDS = set(MLPConfig.model_fields) - {"vocab_size"}
# A resumed run continues as configured; only these may change.
_RESUME_FLAGS = {
    "resume",
    "from_step",
    "max_steps",
    "num_epochs",
    "device",
    "num_threads",
    "engine",
    "address",
    "workers",
    "storage",
    "detach",
    "follow_stdin",
    "lock_descriptor",
}


@dataclasses.dataclass(frozen=True)
class TrainCommand:
    """The parsed arguments of `train`."""

    flags: RunFlags
    config: RunConfig
    given: set[str]


def parse_train(words: Sequence[str]) -> TrainCommand:
    """Read the flags of `train` into a run's configuration.

    Raises:
        ConfigError: If a flag is unknown, wrong, or makes no sense with the others.
    """
    base = _base(words)
    arguments = parse(
        _arguments_class(base), words, "train", "Train a model on a text."
    )
    flags: RunFlags = arguments.run
    given = _primary_names(given_flags(words))
    _check(flags, arguments, given)
    values = {
        name: getattr(group, name)
        for group in (arguments.text, arguments.model, arguments.training)
        for name in (field.name for field in dataclasses.fields(group))
    }
    return TrainCommand(flags, _run_config(base, values, given), given)


def _base(words: Sequence[str]) -> RunConfig:
    """Return the configuration of recipe, preset and kind of model."""
    base = get_recipe(_peek(words, "recipe") or "default")
    preset = _peek(words, "preset")
    if preset is not None:
        get_config(preset)  # complains about an unknown name
        sizes = base.transformer.replace(**PRESETS[preset])
        base = base.replace(transformer=sizes.to_dict())
    model_type = _peek(words, "model_type") or base.model_type
    return base.replace(model_type=model_type)


def _peek(words: Sequence[str], name: str) -> str | None:
    """Return the value of one flag before the others are parsed."""
    for place, word in enumerate(words):
        flag_name, equals, value = word.partition("=")
        if flag_name.replace("-", "_") != f"__{name}":
            continue
        if equals:
            return value
        return words[place + 1] if place + 1 < len(words) else None
    return None


def _arguments_class(base: RunConfig) -> type[Any]:
    """Build the dataclass whose fields are the flags, grouped for the help text."""
    chosen: list[ModelConfig | MLPConfig] = [base.transformer, base.mlp]
    if base.model_type == "mlp":
        chosen.reverse()
    own = config_fields(
        chosen[0], ["vocab_size"], SECOND_NAMES, _only_remarks(type(chosen[0]))
    )
    others = config_fields(
        chosen[1],
        ["vocab_size", *type(chosen[0]).model_fields],
        remarks=_only_remarks(type(chosen[1])),
    )
    groups = {
        "run": RunFlags,
        "text": dataclasses.make_dataclass("Text", _text_fields(base), frozen=True),
        "model": dataclasses.make_dataclass("Model", own + others, frozen=True),
        "training": dataclasses.make_dataclass(
            "Training", config_fields(base.train), frozen=True
        ),
    }
    return dataclasses.make_dataclass("TrainArguments", groups.items(), frozen=True)


def _text_fields(base: RunConfig) -> list[tuple[str, Any, Any]]:
    """Return the flags about the text and its tokens."""
    return [
        (
            "data_file",
            Annotated[
                str,
                flag(
                    "A UTF-8 text file, tales: the built-in world, or repeats: random "
                    "words, said again and again.",
                    "--data",
                ),
            ],
            dataclasses.field(default=base.data.source),
        ),
        *config_fields(base.data, leave_out=["source"]),
        (
            "tokenizer",
            Annotated[
                Literal["char", "word", "bpe"],
                flag(TokenizerConfig.model_fields["kind"].description or ""),
            ],
            dataclasses.field(default=base.tokenizer.kind),
        ),
        *config_fields(base.tokenizer, leave_out=["kind"]),
    ]


def _only_remarks(config: type) -> dict[str, str]:
    if config is MLPConfig:
        return dict.fromkeys(_MLP_FIELDS - _MODEL_FIELDS, " Only for mlp.")
    return dict.fromkeys(_MODEL_FIELDS - _MLP_FIELDS, " Only for transformer.")


def _primary_names(given: set[str]) -> set[str]:
    second = {name[2:]: primary for primary, name in SECOND_NAMES.items()}
    second["data"] = "data_file"
    return {second.get(name, name) for name in given}


def _check(flags: RunFlags, arguments: Any, given: set[str]) -> None:
    """Refuse flags that would have no effect, rather than ignore them."""
    if flags.resume is not None and given - _RESUME_FLAGS:
        extra = ", ".join(f"--{name}" for name in sorted(given - _RESUME_FLAGS))
        raise ConfigError(
            f"--resume continues a run as it was configured: drop {extra}. Only "
            "--max_steps, --num_epochs, --device and --num_threads may change."
        )
    check_engine(flags, given)
    if flags.from_step is not None and flags.resume is None:
        raise ConfigError("--from_step says where --resume continues: add --resume.")
    if {"max_steps", "num_epochs"} <= given and arguments.training.max_steps:
        raise ConfigError(
            "--max_steps and --num_epochs both set the end: give one of them."
        )
    if {"name", "output_dir"} <= given:
        raise ConfigError(
            "--name and --output_dir both set the run's place: give one of them."
        )
    mlp = flags.model_type == "mlp"
    foreign = _MODEL_FIELDS - _MLP_FIELDS if mlp else _MLP_FIELDS - _MODEL_FIELDS
    foreign = foreign | {"preset"} if mlp else foreign
    for name in sorted(given & foreign):
        other = "transformer" if mlp else "mlp"
        raise ConfigError(
            f"--{name} is for --model_type {other}; this model is "
            f"{'an mlp' if mlp else 'a transformer'}: drop it, or change the type."
        )
    if "vocab_size" in given and arguments.text.tokenizer != "bpe":
        raise ConfigError(
            "--vocab_size is for --tokenizer bpe; a vocabulary of "
            f"{arguments.text.tokenizer}s is as large as the text has: drop it."
        )
    if "min_freq" in given and arguments.text.tokenizer == "bpe":
        raise ConfigError("--min_freq is for --tokenizer char or word: drop it.")
    if "tales_megabytes" in given and arguments.text.data_file != "tales":
        raise ConfigError("--tales_megabytes is for --data_file tales: drop it.")
    if "repeats_words" in given and arguments.text.data_file != "repeats":
        raise ConfigError("--repeats_words is for --data_file repeats: drop it.")


def _run_config(base: RunConfig, values: dict[str, Any], given: set[str]) -> RunConfig:
    if "num_epochs" in given and "max_steps" not in given:
        values["max_steps"] = None
    source = values["data_file"]
    if source not in BUILT_IN:
        # A run may be resumed from another directory.
        source = str(expanded(source).absolute())
    model: type[ModelConfig | MLPConfig]
    model, key = (
        (MLPConfig, "mlp") if base.model_type == "mlp" else (ModelConfig, "transformer")
    )
    return base.replace(
        data=_picked(DataConfig, values, source=source).to_dict(),
        tokenizer=_picked(TokenizerConfig, values, kind=values["tokenizer"]).to_dict(),
        train=_picked(TrainConfig, values).to_dict(),
        **{key: _picked(model, values, vocab_size=1000).to_dict()},
    )


def _picked(config: type[Any], values: dict[str, Any], **others: Any) -> Any:
    """Build a config from those of the flat values that are its fields."""
    fields = set(config.model_fields) - set(others)
    return config(**{name: values[name] for name in fields}, **others)
