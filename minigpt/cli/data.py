"""`data`: get a text, write one, look at one, clean one."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from minigpt.cli.output import say
from minigpt.cli.parsing import argument, flag, parse
from minigpt.runs.files import replace_file
from minigpt.runs.store import data_directory


@dataclasses.dataclass(frozen=True)
class Fetch:
    """Download a text by name, checked against its known checksum."""

    name: Annotated[tyro.conf.Positional[str], argument("NAME", "shakespeare.")]
    directory: Annotated[Path | None, flag("Where to put it (none: data/texts).")] = (
        None
    )


@dataclasses.dataclass(frozen=True)
class Tales:
    """Write the built-in world's stories to a file."""

    output: Annotated[
        tyro.conf.Positional[Path], argument("OUTPUT", "The file to write.")
    ]
    megabytes: Annotated[float, flag("How much, in MB.")] = 5.0
    seed: Annotated[int, flag("Same seed, same text.")] = 0
    split: Annotated[
        Literal["train", "held_out", "new"],
        flag("held_out: other combinations; new: names never seen in train."),
    ] = "train"


@dataclasses.dataclass(frozen=True)
class Info:
    """Describe a text: length, lines, words, distinct characters."""

    path: Annotated[tyro.conf.Positional[Path], argument("FILE", "A UTF-8 text file.")]


@dataclasses.dataclass(frozen=True)
class Clean:
    """Normalise a text: line ends, Unicode form, control characters, blank lines."""

    path: Annotated[tyro.conf.Positional[Path], argument("FILE", "A UTF-8 text file.")]
    output: Annotated[
        tyro.conf.Positional[Path], argument("OUTPUT", "The file to write.")
    ]


@dataclasses.dataclass(frozen=True)
class DataArguments:
    """The four things to do with a text."""

    do: Fetch | Tales | Info | Clean


def run(words: Sequence[str]) -> int:
    """Run `data`."""
    arguments = parse(DataArguments, words, "data", "Get, write or describe a text.")
    do = arguments.do
    if isinstance(do, Fetch):
        from minigpt.datasets.download import fetch

        path = fetch(do.name, do.directory or data_directory() / "texts")
        say(f"{path}\nTrain on it: python -m minigpt train --data_file {path}")
    elif isinstance(do, Tales):
        _write_tales(do)
    elif isinstance(do, Info):
        _describe(do.path)
    else:
        _clean(do)
    return 0


def _write_tales(do: Tales) -> None:
    from minigpt.datasets.tales import generate_tales
    from minigpt.errors import ConfigError

    if do.megabytes <= 0:
        raise ConfigError(f"megabytes is {do.megabytes}: it must be above 0.")
    text = generate_tales(round(do.megabytes * 1e6), seed=do.seed, split=do.split)
    replace_file(do.output, text)
    say(f"{do.output}: {len(text):,} characters.")


def _describe(path: Path) -> None:
    from minigpt.datasets.corpus import read_text

    text = read_text(path)
    characters = sorted(set(text))
    shown = " ".join(repr(character)[1:-1] for character in characters[:100])
    more = f" … and {len(characters) - 100} more" if len(characters) > 100 else ""
    say(
        f"characters  {len(text):,}\n"
        f"bytes       {len(text.encode()):,}\n"
        f"lines       {len(text.splitlines()):,}\n"
        f"words       {len(text.split()):,}\n"
        f"distinct    {len(characters):,} characters: {shown}{more}"
    )


def _clean(do: Clean) -> None:
    from minigpt.datasets.corpus import clean_text, read_text

    text = read_text(do.path)
    cleaned = clean_text(text)
    replace_file(do.output, cleaned)
    say(f"{do.output}: {len(cleaned):,} characters, from {len(text):,}.")
