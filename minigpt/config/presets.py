"""Models of four sizes, by name: the tutorials' `SMALL_CONFIG` and its like."""

from typing import Any

from minigpt.config.model import ModelConfig
from minigpt.errors import ConfigError, near_names

PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"d_model": 128, "num_layers": 2, "num_heads": 4, "max_seq_len": 128},
    "small": {"d_model": 256, "num_layers": 4, "num_heads": 4, "max_seq_len": 128},
    "medium": {"d_model": 512, "num_layers": 6, "num_heads": 8, "max_seq_len": 256},
    "large": {"d_model": 768, "num_layers": 12, "num_heads": 12, "max_seq_len": 1024},
}


def get_config(name: str) -> ModelConfig:
    """Return a fresh copy of a preset: `tiny`, `small`, `medium` or `large`.

    Raises:
        ConfigError: If there is no preset of that name.
    """
    if name not in PRESETS:
        raise ConfigError(
            f"There is no preset {name!r}: choose {', '.join(PRESETS)}."
            f"{near_names(name, PRESETS)}"
        )
    return ModelConfig(**PRESETS[name], dropout=0.1)


def __getattr__(name: str) -> ModelConfig:
    """Hand out `TINY_CONFIG` … `LARGE_CONFIG`, a fresh copy for each import.

    Tutorials write `config = SMALL_CONFIG; config.vocab_size = …`: with one shared
    object, that would change the preset for everyone else in the process.
    """
    preset = name.removesuffix("_CONFIG").lower()
    if name.endswith("_CONFIG") and name.isupper() and preset in PRESETS:
        return get_config(preset)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
