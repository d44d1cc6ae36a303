"""The file form of a tokenizer that is a plain list of pieces: characters and words."""

from collections.abc import Callable
from typing import Any

from minigpt.errors import CheckpointError
from minigpt.tokenizers.base import FORMAT, SPECIAL_TOKENS, VERSION


def written(
    kind: str, pieces: list[str], added: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the fields of a file.

    Args:
        kind: Of tokenizer.
        pieces: All pieces, from the special tokens to those that were added.
        added: The names of special tokens that were added, the last of the pieces.
    """
    own = pieces[: len(pieces) - len(added)]
    fields = {"format": FORMAT, "version": VERSION, "kind": kind, "pieces": own}
    return fields | ({"added": list(added)} if added else {})


def read_header(fields: dict[str, Any], kind: str, others: set[str]) -> None:
    """Check that a file is of our format and kind and has exactly these fields.

    Raises:
        CheckpointError: If it is not.
    """
    expected = {"format": FORMAT, "version": VERSION, "kind": kind}
    for field, value in expected.items():
        if fields.get(field) != value:
            raise CheckpointError(
                f"The tokenizer's {field} is {fields.get(field)!r:.80}, not {value!r}."
            )
    for field in sorted(others - fields.keys()):
        raise CheckpointError(f"The tokenizer's field {field!r} is missing.")
    for field in sorted(fields.keys() - others - expected.keys()):
        raise CheckpointError(f"The tokenizer has an unknown field {field!r:.80}.")


def read_pieces(
    fields: dict[str, Any], kind: str, is_piece: Callable[[str], bool]
) -> list[str]:
    """Read what `written` wrote.

    Args:
        fields: The parsed file.
        kind: The kind it must be.
        is_piece: Whether a text may be a piece of this kind.

    Returns:
        The pieces after the special tokens.

    Raises:
        CheckpointError: If a field is missing or wrong.
    """
    read_header(fields, kind, {"pieces"} | (fields.keys() & {"added"}))
    pieces = fields["pieces"]
    if not isinstance(pieces, list) or tuple(pieces[:4]) != SPECIAL_TOKENS:
        raise CheckpointError(
            f"The tokenizer's pieces must be a list that starts with "
            f"{', '.join(SPECIAL_TOKENS)}."
        )
    seen: set[str] = set()
    for token, piece in enumerate(pieces[4:], start=4):
        if not isinstance(piece, str) or not is_piece(piece) or piece in seen:
            raise CheckpointError(
                f"The tokenizer's piece {token} is {piece!r:.80}: "
                f"{'there twice' if piece in seen else f'no piece of kind {kind}'}."
                if isinstance(piece, str)
                else f"The tokenizer's piece {token} is {piece!r:.80}, not text."
            )
        seen.add(piece)
    return list(pieces[4:])


def read_added(
    fields: dict[str, Any], known: tuple[str, ...] = SPECIAL_TOKENS
) -> tuple[str, ...]:
    """Read the special tokens that were added; most files have none.

    Args:
        fields: Of the file.
        known: The names of those that were there before.

    Raises:
        CheckpointError: If they are not a list of different names.
    """
    added = fields.get("added", [])
    names = list(known)
    if isinstance(added, list) and all(isinstance(name, str) for name in added):
        names += added
    if len(set(names)) < len(known) + len(added):
        raise CheckpointError(
            f"The tokenizer's added tokens must be a list of different names, not "
            f"{added!r:.80}."
        )
    return tuple(added)
