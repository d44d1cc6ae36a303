"""`data`: fetch, write, describe or clean a text."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from minigpt.atomic_writes import replace_file
from minigpt.cli.output import note, say
from minigpt.cli.parsing import argument, flag, parse
from minigpt.places import data_directory

_MOST_MEGABYTES = 10_000
"""It is written in memory."""


@dataclasses.dataclass(frozen=True)
class Fetch:
    """Download a text by name and verify its checksum."""

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
class DescribeText:
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
class Tokens:
    """List the large texts whose tokens are stored on disk, or remove some."""

    remove: Annotated[tuple[str, ...], flag("Names to remove; the texts stay.")] = ()


@dataclasses.dataclass(frozen=True)
class DataArguments:
    """What to do with a text."""

    do: (
        Fetch
        | Tales
        | Annotated[DescribeText, tyro.conf.subcommand("info")]
        | Clean
        | Tokens
    )


def run(words: Sequence[str]) -> int:
    """Run `data`."""
    arguments = parse(
        DataArguments, words, "data", "Fetch, write, describe or clean a text."
    )
    do = arguments.do
    if isinstance(do, Fetch):
        from minigpt.datasets.files.download import fetch

        path = fetch(do.name, do.directory or data_directory() / "texts")
        say(f"{path}\nTrain on it: python -m minigpt train --data_file {path}")
    elif isinstance(do, Tales):
        _write_tales(do)
    elif isinstance(do, DescribeText):
        _describe(do.path)
    elif isinstance(do, Clean):
        _clean(do)
    else:
        _keep_tokens(do)
    return 0


def _write_tales(do: Tales) -> None:
    from minigpt.datasets.tales.story import generate_tales
    from minigpt.errors import ConfigError

    if not 0 < do.megabytes <= _MOST_MEGABYTES:
        raise ConfigError(
            f"megabytes is {do.megabytes:g}: it must be above 0, and "
            f"{_MOST_MEGABYTES:,} at most."
        )
    text = generate_tales(round(do.megabytes * 1e6), seed=do.seed, split=do.split)
    replace_file(do.output, text)
    say(f"{do.output}: {len(text):,} characters.")


def _plain(path: Path) -> Path:
    """Return a plain copy of a text in another form, and say what was assumed."""
    from minigpt.config import DataConfig
    from minigpt.library.kept_texts import as_plain_text

    data, remark = as_plain_text(DataConfig(source=str(path)))
    if remark:
        note(remark)
    return Path(data.source)


def _describe(path: Path) -> None:
    from minigpt.datasets.files.split_points import parts
    from minigpt.datasets.files.text_file import TextFile
    from minigpt.datasets.forms.separators import remark_on

    path = _plain(path)
    if remark := remark_on(TextFile(path)):
        note(remark)
    distinct: set[str] = set()
    length = num_bytes = lines = words = 0
    text = "\n"
    for text in parts(TextFile(path).blocks()):
        distinct.update(text)
        length, num_bytes = length + len(text), num_bytes + len(text.encode())
        lines, words = lines + text.count("\n"), words + len(text.split())
    lines += text[-1] != "\n"
    characters = sorted(distinct)
    shown = " ".join(repr(character)[1:-1] for character in characters[:100])
    more = f" … and {len(characters) - 100} more" if len(characters) > 100 else ""
    say(
        f"characters  {length:,}\n"
        f"bytes       {num_bytes:,}\n"
        f"lines       {lines:,}\n"
        f"words       {words:,}\n"
        f"distinct    {len(characters):,} characters: {shown}{more}"
    )


def _clean(do: Clean) -> None:
    from minigpt.datasets.corpus import clean_text, read_text

    text = read_text(_plain(do.path))
    cleaned = clean_text(text)
    replace_file(do.output, cleaned)
    say(f"{do.output}: {len(cleaned):,} characters, from {len(text):,}.")


def _keep_tokens(do: Tokens) -> None:
    from minigpt.datasets.files.text_file import TextFile
    from minigpt.errors import DataError
    from minigpt.preparation.token_store import TokenStore

    store = TokenStore()
    for name in do.remove:
        store.remove(name)
        say(f"Removed {name}.")
    entries = store.entries()
    if not entries:
        note(f"There are no encoded texts in {store.directory}.")
    for entry in entries:
        path, index = entry.path, entry.index
        tokens = index.train.tokens + index.validation.tokens
        size = sum(file.stat().st_size for file in path.iterdir()) / 1e6
        try:
            is_same = TextFile(index.source).stamp() == index.stamp
            remark = "" if is_same else "; the file has changed since"
        except DataError:
            remark = "; the file is gone"
        if not index.complete:
            remark += "; not finished"
        kept = f"{tokens:,} tokens, {size:,.0f} MB"
        say(f"{path.name}  {kept}, of {index.source}{remark}")
