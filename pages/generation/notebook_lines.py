"""How the Code buttons of the Generation page write its settings."""

from minigpt.config import GenerationConfig


def settings_literal(config: GenerationConfig) -> str:
    """Return the expression that makes these settings; defaults are left out.

    >>> settings_literal(GenerationConfig(temperature=0.7))
    'GenerationConfig(temperature=0.7)'
    """
    default = GenerationConfig().to_dict()
    changed = {
        name: value
        for name, value in config.to_dict().items()
        if value != default[name]
    }
    named = ", ".join(f"{name}={value!r}" for name, value in changed.items())
    return f"GenerationConfig({named})"
