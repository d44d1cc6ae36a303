"""The files of others: GPT-2's `vocab.json` and `merges.txt`, and `tokenizer.json`.

`tokenizer.json` can describe hundreds of tokenizers, and this project has one of them:
byte-level BPE with GPT-2's pretokens. A file that asks for anything else is refused, by
the name of the field, because reading it half would give other ids without a word.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from minigpt.errors import CheckpointError
from minigpt.tokenizers.base import FORMAT, SPECIAL_TOKENS, UNK_ID
from minigpt.tokenizers.byte_pair.printable import from_printable
from minigpt.tokenizers.byte_pair.vocabulary import (
    BytePairVocabulary,
    vocabulary_from_printable,
)
from minigpt.tokenizers.files import read_json, read_text_file, write_json

_BYTE_LEVEL = {
    "type": "ByteLevel",
    "add_prefix_space": False,
    "trim_offsets": True,
    "use_regex": True,
}


def read_huggingface(path: Path) -> BytePairVocabulary:
    """Read a vocabulary from a file or a directory.

    Raises:
        CheckpointError: If a file is missing, damaged, or not of this kind.
    """
    if path.is_dir():
        names = ("tokenizer.json", "vocab.json")
        found = [path / name for name in names if (path / name).is_file()]
        if not found:
            raise CheckpointError(f"{path} has neither {' nor '.join(names)}.")
        path = found[0]
    fields = read_json(path)
    try:
        if "model" in fields and not isinstance(fields["model"], int):
            return parse_tokenizer_json(fields)
        if fields.get("format") == FORMAT:
            raise CheckpointError("it is minigpt's own: read it with load_tokenizer.")
        return _read_gpt2(fields, path.with_name("merges.txt"))
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


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
    vocabulary: Any, merges: Any, special_tokens: Any
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
    return vocabulary_from_printable(vocabulary, pairs, special_tokens)


def parse_tokenizer_json(fields: dict[str, Any]) -> BytePairVocabulary:
    """Read the vocabulary of a parsed `tokenizer.json`.

    Raises:
        CheckpointError: If it is no byte-level BPE with GPT-2's pretokens.
    """
    model = fields["model"]
    if not isinstance(model, dict):
        raise CheckpointError("the field 'model' must be an object.")
    _require(model.get("type", "BPE") == "BPE", "model.type", model.get("type"), "BPE")
    for field in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        _require(not model.get(field), f"model.{field}", model.get(field), "none")
    for field in ("byte_fallback", "ignore_merges"):
        _require(not model.get(field), f"model.{field}", model.get(field), "false")
    for field in ("normalizer", "truncation", "padding"):
        _require(fields.get(field) is None, field, fields.get(field), "none")
    _require_byte_level(fields)
    return parse_vocabulary(
        model.get("vocab"), model.get("merges"), _special_tokens(fields)
    )


def _require_byte_level(fields: dict[str, Any]) -> None:
    """Require GPT-2's pretokens and nothing that adds or changes tokens."""
    cut = _without_wrapping(fields.get("pre_tokenizer"), "pretokenizers")
    kind = cut.get("type") if isinstance(cut, dict) else cut
    _require(kind == "ByteLevel", "pre_tokenizer", kind, "ByteLevel")
    for field, wanted in (("add_prefix_space", False), ("use_regex", True)):
        value = cut.get(field, True)
        _require(value is wanted, f"pre_tokenizer.{field}", value, str(wanted).lower())
    for field, parts in (("post_processor", "processors"), ("decoder", "decoders")):
        part = _without_wrapping(fields.get(field), parts)
        kind = part.get("type") if isinstance(part, dict) else part
        _require(kind in (None, "ByteLevel"), field, kind, "ByteLevel or none")


def _without_wrapping(part: Any, list_field: str) -> Any:
    """Return the only member of a sequence of one, or the part itself."""
    if isinstance(part, dict) and part.get("type") == "Sequence":
        members = part.get(list_field)
        if isinstance(members, list) and len(members) == 1:
            return members[0]
    return part


def _special_tokens(fields: dict[str, Any]) -> dict[str, int]:
    added = fields.get("added_tokens") or []
    if not isinstance(added, list):
        raise CheckpointError("the field 'added_tokens' must be a list.")
    special: dict[str, int] = {}
    for token in added:
        name = token.get("content") if isinstance(token, dict) else None
        if not isinstance(name, str) or not name:
            raise CheckpointError(f"the added token {token!r:.80} has no content.")
        _require(
            token.get("special") is True,
            f"added_tokens {name!r:.40}.special",
            token.get("special"),
            "true",
        )
        _require(name not in special, "added_tokens", f"{name} twice", "unique")
        special[name] = token.get("id")
    return special


def _require(holds: bool, field: str, value: Any, wanted: str) -> None:
    if not holds:
        raise CheckpointError(
            f"{field} is {value!r:.80}, and only {wanted} is supported: this project "
            "reads byte-level BPE with GPT-2's pattern."
        )


def write_huggingface(path: Path, vocabulary: BytePairVocabulary) -> None:
    """Write a byte pair vocabulary as a `tokenizer.json`.

    Args:
        path: A file, or an existing directory.
        vocabulary: What to write.
    """
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": vocabulary.printable_vocabulary(),
        "merges": [list(pair) for pair in vocabulary.printable_merges()],
    }
    special = vocabulary.special_tokens
    _write_tokenizer_json(path, model, special, cut=_BYTE_LEVEL, join=_BYTE_LEVEL)


def write_characters(
    path: Path, pieces: Sequence[str], special_tokens: Mapping[int, str]
) -> None:
    """Write a vocabulary of characters as a `tokenizer.json`.

    Args:
        path: A file, or an existing directory.
        pieces: All pieces, in the order of their ids.
        special_tokens: Those of them that no text contains: id → name.
    """
    ids = {piece: token for token, piece in enumerate(pieces)}
    model = {"type": "WordLevel", "vocab": ids, "unk_token": SPECIAL_TOKENS[UNK_ID]}
    cut = {
        "type": "Split",
        "pattern": {"Regex": r"[\s\S]"},  # a dot would leave out line ends
        "behavior": "Isolated",
        "invert": False,
    }
    _write_tokenizer_json(path, model, special_tokens, cut=cut, join={"type": "Fuse"})


def _write_tokenizer_json(
    path: Path,
    model: dict[str, Any],
    special_tokens: Mapping[int, str],
    cut: dict[str, Any],
    join: dict[str, Any],
) -> None:
    """Write a `tokenizer.json` of a model, of how texts are cut and joined again."""
    flags = {
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
    fields = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": token, "content": name, **flags}
            for token, name in sorted(special_tokens.items())
        ],
        "normalizer": None,
        "pre_tokenizer": cut,
        "post_processor": None,
        "decoder": join,
        "model": model,
    }
    write_json(path / "tokenizer.json" if path.is_dir() else path, fields)
