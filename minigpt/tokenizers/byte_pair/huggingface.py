"""The files of others: GPT-2's `vocab.json` and `merges.txt`, and `tokenizer.json`.

tiktoken's ranks are read in `rank_file`.

What a `tokenizer.json` asks for is worked out in `tokenizer_json`, and one is written
in `huggingface_writing`.
"""

from pathlib import Path
from typing import Any

from minigpt.errors import CheckpointError
from minigpt.tokenizers.base import FORMAT
from minigpt.tokenizers.byte_pair.printable import from_printable
from minigpt.tokenizers.byte_pair.rank_file import SUFFIX, read_rank_file
from minigpt.tokenizers.byte_pair.text_rules import GPT2_RULES, TextRules
from minigpt.tokenizers.byte_pair.tokenizer_json import read_rules, special_tokens_of
from minigpt.tokenizers.byte_pair.vocabulary import (
    BytePairVocabulary,
    vocabulary_from_printable,
)
from minigpt.tokenizers.files import read_json, read_text_file


def read_huggingface(path: Path) -> BytePairVocabulary:
    """Read a vocabulary from a file or a directory.

    Raises:
        CheckpointError: If a file is missing, damaged, or not of this kind.
    """
    if path.is_dir():
        names = ("tokenizer.json", "vocab.json")
        found = [path / name for name in names if (path / name).is_file()]
        if not found:
            raise CheckpointError(
                f"{path} has neither {' nor '.join(names)}.{_remedy(path)}"
            )
        path = found[0]
    if path.suffix == SUFFIX:
        return read_rank_file(path)
    fields = read_json(path)
    try:
        if "model" in fields and not isinstance(fields["model"], int):
            return _read_tokenizer_json(fields, path.parent)
        if fields.get("format") == FORMAT:
            raise CheckpointError("it is minigpt's own: read it with load_tokenizer.")
        return _read_gpt2(fields, path.with_name("merges.txt"))
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def _remedy(folder: Path) -> str:
    """Say how an older kind of file becomes one that is read."""
    older = ("tokenizer.model", "spiece.model", "vocab.txt")
    found = next((name for name in older if (folder / name).is_file()), None)
    if found is None:
        return ""
    return (
        f" It has {found}: let transformers convert it, with "
        "AutoTokenizer.from_pretrained(…).save_pretrained(…)."
    )


def _read_tokenizer_json(fields: dict[str, Any], folder: Path) -> BytePairVocabulary:
    model = fields["model"]
    if not isinstance(model, dict):
        raise CheckpointError("the field 'model' must be an object.")
    special = special_tokens_of(fields)
    rules = read_rules(fields, special, folder)
    return parse_vocabulary(model.get("vocab"), model.get("merges"), special, rules)


def _read_gpt2(vocabulary: dict[str, Any], merges_file: Path) -> BytePairVocabulary:
    lines = read_text_file(merges_file).split("\n")
    pairs = []
    for number, line in enumerate(lines, start=1):
        line = line.removesuffix("\r")
        if not line or line.startswith("#version"):
            continue
        parts = line.split(" ")
        if len(parts) != 2 or not all(parts):
            raise CheckpointError(
                f"line {number} of {merges_file.name} must be two tokens with a space "
                f"between, not {line!r:.80}."
            )
        pairs.append(parts)
    # GPT-2 does not list its special tokens: they are what no merge can make.
    made = {"".join(pair) for pair in pairs}
    special = {
        name: token
        for name, token in vocabulary.items()
        if name not in made and len(from_printable(name) or b"") != 1
    }
    return parse_vocabulary(vocabulary, pairs, special)


def parse_vocabulary(
    vocabulary: Any, merges: Any, special_tokens: Any, rules: TextRules = GPT2_RULES
) -> BytePairVocabulary:
    """Check the types of three parsed fields, then what they say.

    Raises:
        CheckpointError: If a type is wrong, or the fields contradict each other.
    """
    for field, value in (("vocab", vocabulary), ("special_tokens", special_tokens)):
        if not isinstance(value, dict):
            raise CheckpointError(f"the field {field!r} must be an object.")
        for name, token in value.items():
            if type(token) is not int:
                raise CheckpointError(
                    f"the id of {name!r:.80} in {field!r} is {token!r:.80}, not a "
                    "whole number."
                )
    if not isinstance(merges, list):
        raise CheckpointError("the field 'merges' must be a list.")
    pairs = []
    for rank, merge in enumerate(merges):
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if (
            not isinstance(pair, list)
            or len(pair) != 2
            or not all(isinstance(part, str) for part in pair)
        ):
            raise CheckpointError(f"merge {rank} is {merge!r:.80}, not two tokens.")
        pairs.append((pair[0], pair[1]))
    return vocabulary_from_printable(vocabulary, pairs, special_tokens, rules)
