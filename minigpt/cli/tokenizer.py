"""`tokenizer`: train one, encode, decode, describe."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from minigpt.cli.output import note, say
from minigpt.cli.parsing import argument, flag, parse
from minigpt.places import data_directory
from minigpt.regular_files import expanded

if TYPE_CHECKING:
    from minigpt.tokenizers.base import Tokenizer

_WHERE = "A tokenizer.json, a checkpoint or run directory, or a model's name."


@dataclasses.dataclass(frozen=True)
class Train:
    """Learn a vocabulary from a text and save it."""

    data_file: Annotated[
        str, flag("A UTF-8 text file, or tales: the built-in world.", "--data")
    ]
    output: Annotated[
        Path | None,
        flag("Where to save it (none: data/tokenizers/<text>-<kind>.json)."),
    ] = None
    tokenizer: Annotated[
        Literal["char", "word", "bpe"],
        flag("One token per character, word, or byte pair.", "--kind"),
    ] = "bpe"
    vocab_size: Annotated[int, flag("bpe: tokens to learn.")] = 1024
    min_freq: Annotated[
        int, flag("char and word: rarer ones become <unk>, in occurrences.")
    ] = 1


@dataclasses.dataclass(frozen=True)
class Encode:
    """Turn a text into ids; without --text, standard input."""

    tokenizer: Annotated[tyro.conf.Positional[str], argument("TOKENIZER", _WHERE)]
    text: Annotated[str | None, flag("The text.")] = None
    pieces: Annotated[bool, flag("Also show the pieces of text.")] = False


@dataclasses.dataclass(frozen=True)
class Decode:
    """Turn ids into text; without ids, from standard input."""

    tokenizer: Annotated[tyro.conf.Positional[str], argument("TOKENIZER", _WHERE)]
    ids: Annotated[
        tyro.conf.Positional[tuple[int, ...]], argument("IDS", "The ids.")
    ] = ()


@dataclasses.dataclass(frozen=True)
class DescribeTokenizer:
    """Describe a tokenizer: kind, size, the first pieces, the first merges."""

    tokenizer: Annotated[tyro.conf.Positional[str], argument("TOKENIZER", _WHERE)]


@dataclasses.dataclass(frozen=True)
class TokenizerArguments:
    """What to do with a tokenizer."""

    do: (
        Train
        | Encode
        | Decode
        | Annotated[DescribeTokenizer, tyro.conf.subcommand("info")]
    )


def run(words: Sequence[str]) -> int:
    """Run `tokenizer`."""
    do = parse(
        TokenizerArguments, words, "tokenizer", "Train, use or describe a tokenizer."
    ).do
    if isinstance(do, Train):
        _train(do)
    elif isinstance(do, Encode):
        _encode(do)
    elif isinstance(do, Decode):
        _decode(do)
    else:
        _describe(load(do.tokenizer))
    return 0


def load(where: str) -> "Tokenizer":
    """Find and load a tokenizer.

    Raises:
        CheckpointError: If there is none of that name.
        DataError: If its file is damaged.
    """
    from minigpt.cli.models import find_checkpoint
    from minigpt.tokenizers.storage import load_tokenizer

    path = expanded(where)
    if not path.is_file():
        path = find_checkpoint(where) / "tokenizer.json"
    return load_tokenizer(path)


def _train(do: Train) -> None:
    from minigpt.config import DataConfig, TokenizerConfig
    from minigpt.datasets.corpus import text_to_learn
    from minigpt.library.kept_texts import as_plain_text
    from minigpt.tokenizers.storage import build_tokenizer

    config = TokenizerConfig(
        kind=do.tokenizer, vocab_size=do.vocab_size, min_freq=do.min_freq
    )
    data = DataConfig(source=do.data_file, tales_megabytes=1.0)
    data, remark = as_plain_text(data)
    if remark:
        note(remark)
    text = text_to_learn(data, config.sample_characters)
    tokenizer = build_tokenizer(config, text)
    output = do.output or _usual_place(do)
    output.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(output)
    count = len(tokenizer.encode(text))
    say(
        f"{output}: {tokenizer.vocab_size:,} tokens; the text takes {count:,} of "
        f"them, {len(text) / count:.2f} characters each."
    )


def _usual_place(do: Train) -> Path:
    name = f"{Path(do.data_file).stem}-{do.tokenizer}.json"
    return data_directory() / "tokenizers" / name


def _encode(do: Encode) -> None:
    tokenizer = load(do.tokenizer)
    text = sys.stdin.read() if do.text is None else do.text
    ids = tokenizer.encode(text)
    say(" ".join(map(str, ids)))
    if do.pieces:
        say(" ".join(repr(piece) for piece in tokenizer.pieces(ids)))
    unknown = tokenizer.unknown(text)
    if unknown:
        shown = " ".join(map(repr, unknown[:20]))
        note(f"note: not in the vocabulary, read as <unk>: {shown}")


def _decode(do: Decode) -> None:
    from minigpt.errors import DataError

    tokenizer = load(do.tokenizer)
    ids = list(do.ids)
    if not ids:
        try:
            ids = [int(word) for word in sys.stdin.read().split()]
        except ValueError as error:
            raise DataError(f"ids are whole numbers: {error}.") from None
    wrong = [number for number in ids if not 0 <= number < tokenizer.vocab_size]
    if wrong:
        raise DataError(
            f"There is no token {wrong[0]}: ids go from 0 to "
            f"{tokenizer.vocab_size - 1}."
        )
    say(tokenizer.decode(ids))


def _describe(tokenizer: "Tokenizer") -> None:
    size = tokenizer.vocab_size
    first = " ".join(repr(tokenizer.piece(number)) for number in range(min(size, 40)))
    last = " ".join(
        repr(tokenizer.piece(number)) for number in range(max(size - 20, 40), size)
    )
    say(f"kind        {tokenizer.kind}")
    say(f"vocabulary  {size:,} tokens")
    say(f"first       {first}")
    if last:
        say(f"last        {last}")
    merges = getattr(tokenizer, "merges", [])
    if merges:
        shown = "  ".join(
            f"{left!r} + {right!r}"[1:].replace("+ b", "+ ")
            for left, right in merges[:8]
        )
        say(f"merges      {len(merges):,}, first: {shown}")
