"""Parses words into a dataclass with tyro, and shortens its errors to one line.

Flags may be spelled with underscores, as in the configs, or with hyphens.
"""

import dataclasses
import io
import re
from collections.abc import Sequence
from contextlib import redirect_stderr
from typing import Annotated, Any, TypeVar

import tyro

from minigpt.config.base import Config
from minigpt.errors import ConfigError, near_names

Arguments = TypeVar("Arguments")


def parse(
    arguments_class: type[Arguments],
    words: Sequence[str],
    command: str,
    description: str,
) -> Arguments:
    """Read a command's flags.

    Args:
        arguments_class: A dataclass; its fields are the flags.
        words: The words after the command.
        command: The command's name, for the help text.
        description: What it does, for the help text.

    Raises:
        ConfigError: If a flag is unknown or its value has the wrong type.
    """
    complaint = io.StringIO()
    try:
        with redirect_stderr(complaint):
            return tyro.cli(
                arguments_class,
                args=list(words),
                prog=f"python -m minigpt {command}",
                description=description,
                use_underscores=True,
                config=(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes),
            )
    except SystemExit as end:
        if end.code in (0, None):
            raise
        reason = _one_line(complaint.getvalue())
        unknown = re.match(r"Unrecognized options: ([^\s,]+?)\.?(,|$)", reason)
        if unknown:
            reason = _explain_unknown(unknown[1], _flag_names(arguments_class))
        raise ConfigError(f"{reason} See: python -m minigpt {command} --help") from None


def given_flags(words: Sequence[str]) -> set[str]:
    """Return the names of the flags that were given, with underscores.

    >>> sorted(given_flags(["--batch-size=8", "--d_model", "64"]))
    ['batch_size', 'd_model']
    """
    flags = {word[2:].partition("=")[0] for word in words if word.startswith("--")}
    return {flag.replace("-", "_") for flag in flags}


def flag(help_text: str, *aliases: str) -> Any:
    """Give a flag its help text, and optionally other names.

    >>> kind = Annotated[int, flag("How many.", "--number")]
    """
    return tyro.conf.arg(help=help_text, aliases=list(aliases) or None)


def argument(name: str, help_text: str) -> Any:
    """Describe a positional argument (`Positional[str]`)."""
    return tyro.conf.arg(help=help_text, metavar=name)


def config_fields(
    config: Config,
    leave_out: Sequence[str] = (),
    aliases: dict[str, str] | None = None,
    remarks: dict[str, str] | None = None,
) -> list[tuple[str, Any, Any]]:
    """Turn a config into dataclass fields: names, help texts and current values.

    Args:
        config: Its values become the defaults.
        leave_out: Fields that get no flag.
        aliases: Field → another flag for it.
        remarks: Field → text to append to its help text.

    Returns:
        What `dataclasses.make_dataclass` takes.
    """
    fields = []
    for name, info in type(config).model_fields.items():
        if name in leave_out:
            continue
        text = (info.description or "") + (remarks or {}).get(name, "")
        names = [(aliases or {})[name]] if name in (aliases or {}) else []
        kind = Annotated[info.annotation, flag(text, *names)]  # type: ignore[name-defined]
        fields.append((name, kind, dataclasses.field(default=getattr(config, name))))
    return fields


def _one_line(box: str) -> str:
    """Extract the message from the box that tyro draws around it.

    The message is between the first rule and the second; on a terminal without box
    characters, rules consist of hyphens, and the sides of spaces.
    """
    lines: list[str] = []
    inside = False
    for line in box.splitlines():
        is_rule = line.startswith("╭") or not line.strip("│─╰╯- ")
        if is_rule and lines:
            break
        if is_rule:
            inside = True
        elif inside:
            lines.append(line.strip("│ "))
    return " ".join(" ".join(lines).split()).rstrip(".") + "."


def _explain_unknown(word: str, known: set[str]) -> str:
    if not word.startswith("-"):
        return f"{word!r} does not belong to any option."
    name = word.partition("=")[0].replace("-", "_").replace("__", "--", 1)
    hint = near_names(name, [f"--{flag_name}" for flag_name in known])
    return f"There is no option {word}.{hint}"


def _flag_names(arguments_class: type) -> set[str]:
    """Return all flags of a dataclass, including nested groups."""
    names: set[str] = set()
    for field in dataclasses.fields(arguments_class):
        if dataclasses.is_dataclass(field.type):
            names |= _flag_names(field.type)  # type: ignore[arg-type]
        else:
            names.add(field.name)
            for detail in getattr(field.type, "__metadata__", ()):
                names |= {alias[2:] for alias in getattr(detail, "aliases", None) or ()}
    return names
