"""The tokenizer of a checkpoint that holds none: what lies beside it.

In this order: our own file, `tokenizer.json` (or `vocab.json` with `merges.txt`),
nanoGPT's `meta.pkl`, a table of characters, and tiktoken's ranks.
"""

from pathlib import Path
from typing import Any

from minigpt.errors import CheckpointError
from minigpt.pretrained.codebases.unpickled import read_plain
from minigpt.tokenizers import BPETokenizer, Tokenizer
from minigpt.tokenizers.adapted import AdaptedTokenizer
from minigpt.tokenizers.byte_pair.rank_file import SUFFIX
from minigpt.tokenizers.storage import open_tokenizer

OWN_TOKENIZER_FILE = "minigpt_tokenizer.json"
"""A tokenizer that `tokenizer.json` cannot express, in minigpt's own format."""
META_FILE = "meta.pkl"


def tokenizer_beside(file: Path) -> Tokenizer:
    """Read the tokenizer in the directory of a checkpoint.

    Raises:
        CheckpointError: If there is none, or it cannot be read; says what to put there.
    """
    directory = file.parent
    own = directory / OWN_TOKENIZER_FILE
    if own.is_file():
        return open_tokenizer(own)
    if any((directory / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        return open_tokenizer(directory)
    if (directory / META_FILE).is_file():
        return of_characters(directory / META_FILE)
    ranks = sorted(directory.glob(f"*{SUFFIX}"))
    if len(ranks) == 1:
        return BPETokenizer.from_pretrained(ranks[0])
    raise CheckpointError(
        f"{file} holds no tokenizer: put the tokenizer.json of its data beside it "
        "(for GPT-2's tokens, that of gpt2; for Llama 2's, that of a Llama 2), "
        f"nanoGPT's {META_FILE}, or one file of tiktoken's ranks, *{SUFFIX}."
    )


def of_characters(path: Path) -> Tokenizer:
    """Read nanoGPT's `meta.pkl`: every character is a token, and there is no other.

    Raises:
        CheckpointError: If it is no table of characters.
    """
    meta = read_plain(path)
    ids = meta.get("stoi") if isinstance(meta, dict) else None
    if not isinstance(ids, dict) or not _is_table(ids):
        raise CheckpointError(f"{path} has no 'stoi', a number for each character.")
    return AdaptedTokenizer(_characters_alone(ids))


def _is_table(ids: dict[Any, Any]) -> bool:
    """Whether single characters have the numbers from 0 on."""
    numbers = list(ids.values())
    if not numbers or any(type(number) is not int for number in numbers):
        return False
    # Half of a surrogate pair is no character.
    are_characters = all(
        isinstance(c, str) and len(c) == 1 and not "\ud800" <= c <= "\udfff"
        for c in ids
    )
    return are_characters and sorted(numbers) == list(range(len(ids)))


def _characters_alone(ids: dict[str, int]) -> dict[str, Any]:
    """Write a `tokenizer.json`: BPE without a single merge, so characters stay."""
    model: dict[str, Any] = {
        "type": "BPE",
        "vocab": ids,
        "merges": [],
        "unk_token": None,
    }
    steps = {"normalizer": None, "pre_tokenizer": None, "post_processor": None}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        **steps,
        "decoder": {"type": "Fuse"},
        "model": model,
    }
