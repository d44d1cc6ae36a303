"""Writes a `tokenizer.json`, which `tokenizers` and `transformers` read.

What `tokenizer_json` understands is written here again: the file of a vocabulary that
was read from one gives the same ids.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from minigpt.tokenizers.base import SPECIAL_TOKENS, UNK_ID
from minigpt.tokenizers.byte_pair.patterns import GPT2
from minigpt.tokenizers.byte_pair.text_rules import TextRules
from minigpt.tokenizers.byte_pair.vocabulary import BytePairVocabulary
from minigpt.tokenizers.files import write_json

_BYTE_LEVEL = {
    "type": "ByteLevel",
    "add_prefix_space": False,
    "trim_offsets": True,
    "use_regex": True,
}
_FLAGS = {
    "single_word": False,
    "lstrip": False,
    "rstrip": False,
    "normalized": False,
    "special": True,
}


def write_huggingface(path: Path, vocabulary: BytePairVocabulary) -> None:
    """Write a byte pair vocabulary as a `tokenizer.json`.

    Args:
        path: A file, or an existing directory.
        vocabulary: What to write.
    """
    rules = vocabulary.rules
    unknown = rules.unknown
    letters = vocabulary.printable_vocabulary()
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": next((n for n, t in letters.items() if t == unknown), None),
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": rules.fuse_unknown,
        "byte_fallback": False,
        "ignore_merges": rules.whole_words,
        "vocab": letters,
        "merges": [list(pair) for pair in vocabulary.printable_merges()],
    }
    form = rules.normal_form
    fields = {
        "normalizer": {"type": form} if form else None,
        "pre_tokenizer": _pre_tokenizer(rules),
        "decoder": _BYTE_LEVEL,
        "model": model,
    }
    _write_tokenizer_json(path, _added_tokens(vocabulary), fields)


def _pre_tokenizer(rules: TextRules) -> dict[str, Any]:
    """Write the patterns; GPT-2's own, if it is the last, is a part of `ByteLevel`."""
    cuts = list(rules.cuts)
    ends_as_gpt2 = bool(cuts) and cuts[-1].pattern == GPT2
    steps: list[dict[str, Any]] = [
        {
            "type": "Split",
            "pattern": {"Regex": cut.pattern},
            "behavior": "Isolated" if cut.keeps_rest else "Removed",
            "invert": not cut.keeps_rest,
        }
        for cut in (cuts[:-1] if ends_as_gpt2 else cuts)
    ]
    in_front = rules.prefix_space
    steps.append(
        _BYTE_LEVEL | {"add_prefix_space": in_front, "use_regex": ends_as_gpt2}
    )
    return steps[0] if len(steps) == 1 else {"type": "Sequence", "pretokenizers": steps}


def _added_tokens(vocabulary: BytePairVocabulary) -> list[dict[str, Any]]:
    special = special_entries(vocabulary.special_tokens)
    typed = [
        {
            "id": each.token,
            "content": each.name,
            "special": False,
            **each.model_dump(exclude={"token", "name"}),
        }
        for each in vocabulary.rules.typed_tokens
    ]
    return sorted([*special, *typed], key=lambda entry: entry["id"])


def special_entries(special_tokens: Mapping[int, str]) -> list[dict[str, Any]]:
    """Write special tokens as `added_tokens` has them.

    Args:
        special_tokens: id → name.
    """
    return [
        {"id": token, "content": name, **_FLAGS}
        for token, name in sorted(special_tokens.items())
    ]


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
    fields = {"pre_tokenizer": cut, "decoder": {"type": "Fuse"}, "model": model}
    _write_tokenizer_json(path, special_entries(special_tokens), fields)


def _write_tokenizer_json(
    path: Path, added_tokens: list[dict[str, Any]], steps: dict[str, Any]
) -> None:
    """Write a `tokenizer.json` of the steps from a text to ids and back."""
    fields = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added_tokens,
        "normalizer": steps.get("normalizer"),
        "pre_tokenizer": steps["pre_tokenizer"],
        "post_processor": None,
        "decoder": steps["decoder"],
        "model": steps["model"],
    }
    write_json(path / "tokenizer.json" if path.is_dir() else path, fields)
