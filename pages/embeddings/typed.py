"""What somebody typed, and the token that was found for it."""

from pages.frame.words import plain
from viz.tokens import display_piece


def say_which(typed: str, pieces: list[str]) -> str:
    """Say which token was found for what somebody typed. Markdown."""
    first = f"**{plain(display_piece(pieces[0]))}**"
    if len(pieces) > 1:
        parts = " | ".join(plain(display_piece(piece)) for piece in pieces)
        return (
            f"“{plain(typed)}” is not a token of its own here: it is split into "
            f"{parts}. You see the first of them, {first}."
        )
    with_space = pieces[0] != typed and pieces[0].strip() == typed.strip()
    return f"You see the token {first}" + (
        ", the word with the space before it." if with_space else "."
    )
