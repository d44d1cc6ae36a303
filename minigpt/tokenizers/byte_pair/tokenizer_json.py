"""What a `tokenizer.json` asks for, if it is byte-level BPE.

The format describes hundreds of tokenizers in five steps: normalizer, pre-tokenizer,
model, post-processor, decoder. Those that end in bytes and merges become `TextRules`. A
file that asks for anything else is refused here, by the name of the field, because
reading it half would give other ids without a word; `adapted` then lets the
`tokenizers` library read it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import regex  # type: ignore[import-untyped]

from minigpt.errors import CheckpointError, ConfigError
from minigpt.tokenizers.byte_pair.patterns import GPT2, compiled, known_spelling
from minigpt.tokenizers.byte_pair.printable import BYTE_ORDER, to_printable
from minigpt.tokenizers.byte_pair.text_rules import Cut, TextRules, TypedToken
from minigpt.tokenizers.roles import template_roles, usual_roles, written_roles

FORMS = ("NFC", "NFD", "NFKC", "NFKD")


def read_rules(
    fields: Mapping[str, Any], special: Mapping[str, Any], folder: Path
) -> TextRules:
    """Read how a text becomes words.

    Args:
        fields: A parsed `tokenizer.json`.
        special: Its special tokens: name → id.
        folder: Where it lies, perhaps with a `tokenizer_config.json`.

    Raises:
        CheckpointError: If it is no byte-level BPE, or asks for what is not done here.
    """
    model = fields["model"]
    _require(model.get("type", "BPE") == "BPE", "model.type", model.get("type"), "BPE")
    for field in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        _require(not model.get(field), f"model.{field}", model.get(field), "none")
    _require_byte_level_decoder(fields.get("decoder"))
    vocabulary = model.get("vocab")
    ids = vocabulary if isinstance(vocabulary, dict) else {}
    whole = all(to_printable(bytes([byte])) in ids for byte in BYTE_ORDER)
    falls_back = bool(model.get("byte_fallback")) and not whole
    _require(not falls_back, "model.byte_fallback", True, "false")
    prefix_space, cuts = _cuts(fields.get("pre_tokenizer"))
    usual = usual_roles(special)
    roles = {**written_roles(folder, {**ids, **special}), **template_roles(fields)}
    try:
        return TextRules(
            normal_form=_normal_form(fields.get("normalizer")),
            prefix_space=prefix_space,
            cuts=cuts,
            typed_tokens=_typed_tokens(fields),
            whole_words=model.get("ignore_merges") is True,
            all_bytes=whole,
            unknown=None if whole else ids.get(str(model.get("unk_token"))),
            fuse_unknown=not whole and model.get("fuse_unk") is True,
            roles={role: n for role, n in roles.items() if n != usual[role]},
        )
    except ConfigError as error:
        raise CheckpointError(str(error)) from None


def special_tokens_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Read the special tokens: name → id.

    Raises:
        CheckpointError: If one has no name, or two have the same.
    """
    return {
        token["content"]: token.get("id")
        for token in _added_tokens(fields)
        if token.get("special") is True
    }


def members(part: Any, list_field: str) -> list[Any]:
    """Return the members of a sequence, or the part itself as the only one."""
    if part is None:
        return []
    if isinstance(part, dict) and part.get("type") == "Sequence":
        found = part.get(list_field)
        inner = found if isinstance(found, list) else [None]
        return [each for one in inner for each in members(one, list_field)]
    return [part]


def _kind(part: Any) -> Any:
    return part.get("type") if isinstance(part, dict) else part


def _normal_form(normalizer: Any) -> Any:
    parts = members(normalizer, "normalizers")
    kinds = [_kind(part) for part in parts]
    alone = len(kinds) <= 1 and all(kind in FORMS for kind in kinds)
    _require(alone, "normalizer", kinds[0] if len(kinds) == 1 else kinds, "NFC")
    return kinds[0] if kinds else None


def _cuts(pre_tokenizer: Any) -> tuple[bool, list[Cut]]:
    """Read the patterns, up to the step that turns text into bytes.

    Returns:
        Whether a text gets a space before it, and the patterns.
    """
    *before, last = members(pre_tokenizer, "pretokenizers") or [None]
    _require(_kind(last) == "ByteLevel", "pre_tokenizer", _kind(last), "ByteLevel")
    cuts = [_cut(part) for part in before]
    prefix_space = last.get("add_prefix_space", True)
    can = not (prefix_space and before)
    _require(can, "pre_tokenizer.add_prefix_space", prefix_space, "false")
    if last.get("use_regex", True):
        cuts.append(Cut(pattern=GPT2))
    return bool(prefix_space), cuts


def _cut(part: Any) -> Cut:
    if _kind(part) == "Digits":
        each = bool(part.get("individual_digits"))
        return Cut(pattern=r"\p{N}" if each else r"\p{N}+")
    _require(_kind(part) == "Split", "pre_tokenizer", _kind(part), "Split or Digits")
    isolates = part.get("behavior") == "Isolated"
    keeps_matches = part.get("behavior") == "Removed" and part.get("invert") is True
    _require(
        isolates or keeps_matches,
        "pre_tokenizer.behavior",
        part.get("behavior"),
        "Isolated",
    )
    pattern = part.get("pattern")
    given = pattern if isinstance(pattern, dict) else {}
    if isinstance(given.get("String"), str):
        return Cut(pattern=regex.escape(given["String"]), keeps_rest=isolates)
    known = isinstance(given.get("Regex"), str)
    _require(known, "pre_tokenizer.pattern", pattern, "a pattern")
    found = known_spelling(given["Regex"])
    compiled(found)
    return Cut(pattern=found, keeps_rest=isolates or found == GPT2)


def _require_byte_level_decoder(decoder: Any) -> None:
    kinds = [_kind(part) for part in members(decoder, "decoders")]
    plain = kinds in ([], ["ByteLevel"])
    _require(plain, "decoder", kinds[0] if len(kinds) == 1 else kinds, "ByteLevel")


def _typed_tokens(fields: Mapping[str, Any]) -> list[TypedToken]:
    flags = ("lstrip", "rstrip", "single_word", "normalized")
    return [
        TypedToken(
            name=token["content"],
            token=token.get("id", -1),
            **{flag: token.get(flag, False) for flag in flags},
        )
        for token in _added_tokens(fields)
        if token.get("special") is not True
    ]


def _added_tokens(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    added = fields.get("added_tokens") or []
    if not isinstance(added, list):
        raise CheckpointError("the field 'added_tokens' must be a list.")
    seen: set[str] = set()
    for token in added:
        name = token.get("content") if isinstance(token, dict) else None
        if not isinstance(name, str) or not name:
            raise CheckpointError(f"the added token {token!r:.80} has no content.")
        _require(name not in seen, "added_tokens", f"{name} twice", "unique")
        seen.add(name)
    return added


def _require(holds: bool, field: str, value: Any, wanted: str) -> None:
    if not holds:
        raise CheckpointError(
            f"{field} is {value!r:.80}, and only {wanted} is supported: this project's "
            "own tokenizer is byte-level BPE."
        )
