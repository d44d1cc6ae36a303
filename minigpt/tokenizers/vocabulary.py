"""The file form of a tokenizer that is a plain list of pieces: characters and words."""

from collections.abc import Callable
from typing import Any

from minigpt.errors import CheckpointError
from minigpt.tokenizers.base import FORMAT, SPECIAL_TOKENS, VERSION


def written(kind: str, pieces: list[str]) -> dict[str, Any]:
    """Return the fields of a file; `pieces` includes the special tokens."""
    return {"format": FORMAT, "version": VERSION, "kind": kind, "pieces": pieces}


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
    read_header(fields, kind, {"pieces"})
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
