"""Every other tokenizer: read and run by the `tokenizers` library, not shown inside.

SentencePiece with byte fallback (Llama 2, Mistral, Gemma), Unigram (T5), WordPiece
(BERT) and all else that a `tokenizer.json` can say. Such a model can be looked at like
any other; only how its tokenizer cuts is a closed box here. `byte_pair` reads what it
can show, and this module the rest.
"""

import copy
import json
import re
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from minigpt.errors import CheckpointError, DataError
from minigpt.tokenizers.base import FORMAT, VERSION, Tokenizer
from minigpt.tokenizers.byte_pair.printable import from_printable
from minigpt.tokenizers.files import read_json, write_json
from minigpt.tokenizers.roles import template_roles, usual_roles, written_roles
from minigpt.tokenizers.vocabulary import read_added, read_header

Result = TypeVar("Result")

INSTALL = (
    "it is not byte-level BPE, so reading it takes the tokenizers library: "
    "pip install tokenizers"
)
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
UNUSED = "<unused {}>"
"""What an id is called that no text has."""
_SPACE = "▁"
"""How SentencePiece writes a space."""
_MAX_TOKENS = 1_000_000


class AdaptedTokenizer(Tokenizer):
    """A `tokenizer.json` of any kind, behind the interface of ours.

    Ids are those of `tokenizers`, except that the name of a special token in a text is
    read letter by letter, as everywhere here.

    Args:
        fields: A parsed `tokenizer.json`.
        roles: `bos_id`, `eos_id`, … → id, where known from elsewhere.
        added: Special tokens that came later, the last of the vocabulary.

    Raises:
        CheckpointError: If `tokenizers` is not installed, or cannot read it.
    """

    kind: ClassVar[str] = "adapted"

    def __init__(
        self,
        fields: dict[str, Any],
        roles: dict[str, int] | None = None,
        added: tuple[str, ...] = (),
    ) -> None:
        self._fields = fields
        self._theirs = _built(fields)
        self.added_tokens = added
        vocabulary = self._theirs.get_vocab(with_added_tokens=True)
        self._own_size = max(vocabulary.values(), default=-1) + 1
        if not 0 < self._own_size <= _MAX_TOKENS:
            raise CheckpointError(
                f"its ids go up to {self._own_size - 1:,}, and the limit is "
                f"{_MAX_TOKENS:,}."
            )
        ids = {name: token for token, name in self.special_tokens.items()}
        self._roles = usual_roles(ids) | template_roles(fields) | (roles or {})
        self._roles |= {"unk_id": self._unknown_id(vocabulary)}
        for role, token in self._roles.items():
            if token is not None and not 0 <= token < self.vocab_size:
                raise CheckpointError(f"there is no token {token}, which is {role}.")
            setattr(self, role, token)

    @classmethod
    def from_pretrained(cls, path: Path | str) -> Self:
        """Read a `tokenizer.json`, or that of a directory.

        Raises:
            CheckpointError: If it is missing, or `tokenizers` cannot read it.
        """
        path = Path(path)
        path = path / "tokenizer.json" if path.is_dir() else path
        fields = read_json(path)
        try:
            return cls(fields, written_roles(path.parent, _added_ids(fields)))
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from None

    def build_vocab(
        self,
        texts: str | Iterable[str],  # noqa: ARG002  it learns nothing
        min_freq: int = 1,  # noqa: ARG002
    ) -> None:
        """Refuse: a tokenizer that came with its model is not taught again.

        Raises:
            DataError: Always.
        """
        raise DataError(
            "This tokenizer came with its model and learns no other vocabulary: make "
            "a new one with BPETokenizer, CharTokenizer or WordTokenizer."
        )

    @property
    def vocab_size(self) -> int:
        """Number of ids, those of special tokens and of gaps included."""
        return self._own_size + len(self.added_tokens)

    @property
    def special_tokens(self) -> dict[int, str]:
        """The special tokens: id → name. An id that nothing has is unused."""
        return dict(self._named)

    @cached_property
    def _named(self) -> dict[int, str]:
        named = self._theirs.get_added_tokens_decoder()
        special = {n: token.content for n, token in named.items() if token.special}
        taken = set(self._theirs.get_vocab(with_added_tokens=True).values())
        gaps = {n: UNUSED.format(n) for n in range(self._own_size) if n not in taken}
        later = dict(enumerate(self.added_tokens, self._own_size))
        return dict(sorted((special | gaps | later).items()))

    @property
    def method(self) -> str:
        """The way it cuts, as `tokenizers` calls it: BPE, Unigram, WordPiece."""
        return str(self._fields.get("model", {}).get("type", "BPE"))

    def unknown(self, text: str) -> list[str]:
        """Name what `encode` would turn into the unknown token, in reading order."""
        if self.unk_id is None:
            return []
        encoded = self._encoded(text)
        spans = zip(encoded.ids, encoded.offsets, strict=True)
        lost = (text[begin:end] for n, (begin, end) in spans if n == self.unk_id)
        return [part for part in dict.fromkeys(lost) if part]

    def to_dict(self) -> dict[str, Any]:
        """Return the `tokenizer.json`, and what is known beside it."""
        fields = {"format": FORMAT, "version": VERSION, "kind": self.kind}
        roles = {role: n for role, n in self._roles.items() if n is not None}
        added = {"added": list(self.added_tokens)} if self.added_tokens else {}
        return {**fields, "tokenizer": self._fields, "roles": roles, **added}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """Make a tokenizer of what `to_dict` returned.

        Raises:
            CheckpointError: If a field is missing or wrong, or `tokenizers` is not
                installed.
        """
        own = {name: fields[name] for name in fields if name != "added"}
        read_header(own, cls.kind, {"tokenizer", "roles"})
        roles = fields["roles"]
        if not isinstance(fields["tokenizer"], dict) or not isinstance(roles, dict):
            raise CheckpointError("tokenizer and roles must be objects.")
        known = {"bos_id", "eos_id", "pad_id", "unk_id"}
        if roles.keys() - known or any(type(n) is not int for n in roles.values()):
            raise CheckpointError(f"roles are {roles!r:.80}: they name ids.")
        return cls(fields["tokenizer"], roles, read_added(fields, ()))

    def save_huggingface(self, path: Path | str) -> None:
        """Write the `tokenizer.json` as it came, with the tokens that came later.

        Args:
            path: A file, or a directory in which to write `tokenizer.json`.
        """
        fields = copy.deepcopy(self._fields)
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        fields["added_tokens"] = [
            *(fields.get("added_tokens") or []),
            *(
                {"id": token, "content": name, **flags, "special": True}
                for token, name in enumerate(self.added_tokens, self._own_size)
            ),
        ]
        path = Path(path)
        write_json(path / "tokenizer.json" if path.is_dir() else path, fields)

    def _unknown_id(self, vocabulary: dict[str, int]) -> int | None:
        model = self._fields["model"]
        by_number = model.get("unk_id")
        return (
            by_number
            if type(by_number) is int
            else vocabulary.get(model.get("unk_token"))
        )

    @property
    def _is_built(self) -> bool:
        return True

    def _encode(self, text: str) -> list[int]:
        return list(self._encoded(text).ids)

    def _encoded(self, text: str) -> Any:
        return self._ask(partial(self._theirs.encode, text, add_special_tokens=False))

    def _decode(self, tokens: list[int]) -> str:
        # What came later is no token of theirs: its name stands between their texts.
        parts = []
        for is_theirs, run in groupby(tokens, lambda token: token < self._own_size):
            ids = list(run)
            if is_theirs:
                parts.append(self._ask(partial(self._theirs.decode, ids, False)))
            else:
                parts += [self._named[token] for token in ids]
        return "".join(parts)

    def token_bytes(self, token: int) -> bytes:
        """Return the bytes of a token, which may be only a part of a character.

        Raises:
            DataError: If there is no such token.
        """
        (token,) = self._checked_ids([token])
        if token in self._named:
            return self._named[token].encode("utf-8")
        letters = self._theirs.id_to_token(token)
        if '"ByteLevel"' in self._decoder and (piece := from_printable(letters)):
            return piece
        if '"ByteFallback"' in self._decoder and (byte := _BYTE.fullmatch(letters)):
            return bytes.fromhex(byte[1])
        shown = letters.replace(_SPACE, " ") if _SPACE in self._decoder else letters
        return shown.encode("utf-8")

    def _piece(self, token: int) -> str:
        return self.token_bytes(token).decode("utf-8", "backslashreplace")

    @cached_property
    def _decoder(self) -> str:
        return json.dumps(self._fields.get("decoder"), ensure_ascii=False)

    def _ask(self, what: Callable[[], Result]) -> Result:
        try:
            return what()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of Rust is no Exception
            raise DataError(
                f"The tokenizers library failed on this text: {error!s:.100}."
            ) from None


def _added_ids(fields: dict[str, Any]) -> dict[str, Any]:
    added = fields.get("added_tokens")
    tokens = [each for each in added or [] if isinstance(each, dict)]
    return {str(each.get("content")): each.get("id") for each in tokens}


def _built(fields: dict[str, Any]) -> Any:
    """Let `tokenizers` read a file.

    Raises:
        CheckpointError: If it is not installed or cannot, or ids are left to chance.
    """
    model = fields.get("model")
    if isinstance(model, dict) and model.get("dropout"):
        raise CheckpointError(
            f"model.dropout is {model['dropout']!r:.40}, so the ids of a text would be "
            "others each time: set it to null in a copy."
        )
    try:
        import tokenizers
    except ImportError:
        raise CheckpointError(INSTALL + ".") from None
    try:
        theirs = tokenizers.Tokenizer.from_str(json.dumps(fields))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of Rust is no Exception
        raise CheckpointError(
            f"the tokenizers library cannot read it ({error!s:.100})."
        ) from None
    theirs.no_truncation()
    theirs.no_padding()
    theirs.encode_special_tokens = True
    return theirs
