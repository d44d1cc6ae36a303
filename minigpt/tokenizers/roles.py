"""Which tokens begin, end and fill up a text, as the files of others say it.

Two places say it: `tokenizer_config.json`, by name, and the template with which
`tokenizer.json` wraps every text, `<bos> $A`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minigpt.errors import CheckpointError
from minigpt.tokenizers.files import read_json

CONFIG_FILE = "tokenizer_config.json"
ROLES = ("bos_id", "eos_id", "pad_id")

# What vocabularies call these tokens, the first that is there.
_USUAL = {
    "pad_id": ("<pad>", "<|pad|>", "[PAD]"),
    "unk_id": ("<unk>", "[UNK]"),
    "bos_id": ("<bos>", "<s>", "<|endoftext|>", "[CLS]"),
    "eos_id": ("<eos>", "</s>", "<|endoftext|>", "[SEP]"),
}


def usual_roles(ids: Mapping[str, int]) -> dict[str, int | None]:
    """Find the tokens by their usual names.

    Args:
        ids: The special tokens: name → id.
    """
    return {
        role: next((ids[name] for name in names if name in ids), None)
        for role, names in _USUAL.items()
    }


def written_roles(folder: Path, ids: Mapping[str, Any]) -> dict[Any, Any]:
    """Read what a `tokenizer_config.json` names.

    Args:
        folder: Where it may lie.
        ids: Every token that may be named: name → id.

    Raises:
        CheckpointError: If the file is damaged.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        return {}
    fields = read_json(path)
    roles = {}
    for role in ROLES:
        token = fields.get(f"{role.removesuffix('_id')}_token")
        name = token.get("content") if isinstance(token, dict) else token
        found = ids.get(name) if isinstance(name, str) else None
        if found is not None:
            roles[role] = found
    return roles


def template_roles(fields: Mapping[str, Any]) -> dict[Any, Any]:
    """Read which tokens the post-processor puts around a text.

    Args:
        fields: A parsed `tokenizer.json`.

    Raises:
        CheckpointError: If it puts more than one token at an end, or does more.
    """
    roles: dict[Any, Any] = {}
    for part in _steps(fields.get("post_processor")):
        kind = part.get("type") if isinstance(part, dict) else part
        if kind == "ByteLevel":
            continue  # it moves offsets, no ids
        if kind in ("BertProcessing", "RobertaProcessing"):
            found = {"bos_id": _second(part.get("cls")), "eos_id": _second(part["sep"])}
        elif kind == "TemplateProcessing":
            found = _around_the_text(part)
        else:
            raise CheckpointError(f"post_processor is {kind!r:.80}, which is unknown.")
        roles |= {role: token for role, token in found.items() if token is not None}
    return roles


def _steps(processor: Any) -> list[Any]:
    if processor is None:
        return []
    if isinstance(processor, dict) and processor.get("type") == "Sequence":
        inner = processor.get("processors")
        return [step for one in inner or [] for step in _steps(one)]
    return [processor]


def _second(pair: Any) -> int | None:
    return pair[1] if isinstance(pair, list) and type(pair[-1]) is int else None


def _around_the_text(template: dict[str, Any]) -> dict[str, int | None]:
    """Read `<bos> $A <eos>`: at most one token on each side of the text."""
    single, known = template.get("single"), template.get("special_tokens")
    sides: list[list[int]] = [[]]
    for item in single if isinstance(single, list) else [None]:
        if isinstance(item, dict) and "Sequence" in item:
            sides.append([])
        else:
            sides[-1] += _ids_of(item, known)
    if len(sides) != 2 or any(len(side) > 1 for side in sides):
        raise CheckpointError(
            f"post_processor is a template with {sum(map(len, sides))} tokens around "
            f"{len(sides) - 1} texts, and only one before and one behind are supported."
        )
    before, behind = (next(iter(side), None) for side in sides)
    return {"bos_id": before, "eos_id": behind}


def _ids_of(item: Any, known: Any) -> list[int]:
    try:
        ids = known[item["SpecialToken"]["id"]]["ids"]
    except (TypeError, KeyError):
        raise CheckpointError(f"post_processor has no id for {item!r:.80}.") from None
    if not isinstance(ids, list) or any(type(token) is not int for token in ids):
        raise CheckpointError(f"post_processor has wrong ids for {item!r:.80}.")
    return ids
