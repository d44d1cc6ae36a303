"""The base of every configuration: strict, described, and clear when it is wrong.

A configuration is written once and used four times: as JSON on disk, as flags of the
command line, as widgets on a page, and as the text of an error. So every field has a
description, a unit where it has one, and bounds.
"""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from minigpt.errors import ConfigError, near_names


class Config(BaseModel):
    """A pydantic model that answers a wrong value with a one-line `ConfigError`."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        validate_default=True,
        protected_namespaces=(),
    )

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise ConfigError(explain(error, type(self))) from None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON types."""
        return self.model_dump(mode="json")

    def replace(self, **changes: Any) -> Self:
        """Return a checked copy with some fields changed.

        Raises:
            ConfigError: If a field is unknown or a value out of range.
        """
        return type(self)(**{**self.to_dict(), **changes})


class AssignableConfig(Config):
    """A config whose fields may be assigned, each assignment checked.

    Models' configs are of this kind because a vocabulary is known only after the
    tokenizer is built: `config.vocab_size = tokenizer.get_vocab_size()`.
    """

    model_config = ConfigDict(frozen=False, validate_assignment=True)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in type(self).model_fields:
            hint = near_names(name, type(self).model_fields)
            raise ConfigError(f"{type(self).__name__}: unknown setting {name!r}.{hint}")
        before = getattr(self, name)
        try:
            super().__setattr__(name, value)
        except ValidationError as error:
            self.__dict__[name] = before
            raise ConfigError(explain(error, type(self))) from None


def explain(error: ValidationError, config: type[Config]) -> str:
    """Turn pydantic's report into one line that names field, value and constraint."""
    complaints = []
    for problem in error.errors(include_url=False):
        field = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            hint = near_names(field, config.model_fields)
            complaints.append(f"unknown setting {field!r}.{hint}")
        elif problem["type"] == "value_error":
            complaints.append(str(problem["ctx"]["error"]))
        elif problem["type"] == "missing":
            complaints.append(f"{field} is missing")
        else:
            wrong = problem["input"]
            reason = problem["msg"][0].lower() + problem["msg"][1:]
            complaints.append(f"{field} is {wrong!r}: {reason}")
    return f"{config.__name__}: " + "; ".join(complaints)
