"""A conversation as its tokens: who speaks, and how much one row of attention reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from viz.attention import Array
from viz.components.shared.mounting import chosen_position, register
from viz.tokens import display_pieces

SPEAKERS: Final = ("user", "assistant", "system", "template", "end", "plain")
"""Who a token comes from. `template` tokens say who speaks next, `end` says that an
answer ends, and the speaker of `plain` text is unknown."""

_SAID: Final = {
    "user": "said by the user",
    "assistant": "written by the model",
    "system": "the system message",
    "template": "a template token: no text contains it",
    "end": "the end of an answer, written by the model",
    "plain": "plain text",
}

_mount = register("chat_tokens")


@dataclass(frozen=True)
class SpokenTokens:
    """The tokens of a conversation, who says each, and one query's attention weights.

    Raises:
        ValueError: If the lengths differ, a speaker is unknown or a place lies outside
            the pieces.
    """

    pieces: Sequence[str]
    """Token texts."""
    speakers: Sequence[str]
    """One of `SPEAKERS` for each piece."""
    weights: Array | None = None
    """[piece]; a row of attention, 0–1; not-a-number for tokens not written yet."""
    marked: Sequence[int] = ()
    """Places to underline: the words that matter."""
    query: int | None = None
    """Whose row the weights are; framed."""
    choices: Sequence[int] | None = None
    """Which places can be selected; None: all."""

    def __post_init__(self) -> None:
        """Check the lengths, the speakers' names and the places."""
        count, speakers = len(self.pieces), self.speakers
        _require(len(speakers) == count, f"{count} pieces, {len(speakers)} speakers.")
        unknown = set(speakers) - set(SPEAKERS)
        _require(not unknown, f"Unknown speakers {unknown}: choose among {SPEAKERS}.")
        query = [] if self.query is None else [self.query]
        places = [*self.marked, *(self.choices or ()), *query]
        outside = [place for place in places if not 0 <= place < count]
        _require(not outside, f"Places {outside} lie outside of {count} pieces.")


def chat_tokens(
    tokens: SpokenTokens,
    *,
    key: str,
    rest: str,
    selected: int | None = None,
    on_select: Callable[[int | None], None] | None = None,
) -> int | None:
    """Show what a model reads, token by token, each turn in a line of its own.

    Pointing at a piece (or moving to it with the arrow keys) tells who says it and its
    weight, a click or Enter selects, Esc clears. Without weights, colours show who
    speaks; with weights, a piece is as dark as its weight.

    Args:
        tokens: The conversation.
        key: The view's name on this page.
        rest: The caption while nothing is pointed at.
        selected: The place to select.
        on_select: Called with the place, or None when cleared, on a click, before the
            page runs again.

    Returns:
        The place selected now, or None.

    Raises:
        ValueError: If a weight lies outside 0–1, or `selected` is not a choice.
    """
    pieces, choices = tokens.pieces, tokens.choices
    can_be_chosen = set(range(len(pieces)) if choices is None else choices)
    levels, sentences = _read(tokens.speakers, tokens.weights)
    chosen, clicked = chosen_position(key, can_be_chosen, selected, on_select)
    _mount(
        key=key,
        data={
            "pieces": display_pieces(pieces),
            "breaks": ["\n" in piece for piece in pieces],
            "speakers": list(tokens.speakers),
            "levels": levels,
            "sentences": sentences,
            "marked": [int(place) for place in tokens.marked],
            "query": tokens.query,
            "choices": sorted(can_be_chosen),
            "rest": rest,
            "selected": chosen,
        },
        on_picked_change=clicked,
    )
    return chosen


def _read(
    speakers: Sequence[str], weights: Array | None
) -> tuple[list[int | None] | None, list[str]]:
    """Return each piece's shade, 0 to 255, and what to say of it."""
    said = [_SAID[speaker] for speaker in speakers]
    if weights is None:
        return None, said
    row = np.asarray(weights, dtype=np.float64)
    _require(
        row.shape == (len(speakers),),
        f"{len(speakers)} pieces, but weights of {list(row.shape)}.",
    )
    there = np.isfinite(row)
    _require(
        bool(((row[there] >= 0) & (row[there] <= 1.001)).all()),
        "Attention weights lie between 0 and 1.",
    )
    levels = [
        round(255 * min(float(weight), 1.0)) if known else None
        for weight, known in zip(row, there, strict=True)
    ]
    numbers = [
        f"read with weight {weight:.3f}" if known else "not written yet"
        for weight, known in zip(row, there, strict=True)
    ]
    return levels, [f"{one} · {who}" for one, who in zip(numbers, said, strict=True)]


def _require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise ValueError(otherwise)
