"""A conversation as its tokens: who speaks, and how much one row of attention reads."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from viz.attention import Array
from viz.components.shared.mounting import (
    current_choice,
    listener,
    read_position,
    register,
)
from viz.tokens import display_pieces

SPEAKERS: Final = ("user", "assistant", "system", "template", "end", "plain")
"""Whose a token is. `template` is nobody's: it says who speaks from here on, and `end`
that an answer ends. Of `plain` text it is not known."""

_SAID: Final = {
    "user": "said by the user",
    "assistant": "written by the model",
    "system": "said beforehand",
    "template": "of the template: no text contains it",
    "end": "the end of an answer, written by the model",
    "plain": "plain text",
}

_mount = register("chat_tokens")


def chat_tokens(
    pieces: Sequence[str],
    speakers: Sequence[str],
    *,
    key: str,
    rest: str,
    weights: Array | None = None,
    marked: Sequence[int] = (),
    query: int | None = None,
    choices: Sequence[int] | None = None,
    selected: int | None = None,
    on_select: Callable[[int | None], None] | None = None,
) -> int | None:
    """Show what a model reads, token by token, each turn in a line of its own.

    Pointing at a piece (or moving to it with the arrow keys) says whose it is and its
    weight, a click or Enter selects, Esc clears. Without weights, colours say who
    speaks; with weights, a piece is as dark as its weight.

    Args:
        pieces: Token texts.
        speakers: Of each, one of `SPEAKERS`.
        key: The view's name on this page.
        rest: What stands above the text while nothing is pointed at.
        weights: [piece]; a row of attention, 0–1; not-a-number was not there yet.
        marked: Places to underline: the words that matter.
        query: Whose row it is; framed.
        choices: Which places can be selected; None: all.
        selected: The place to select.
        on_select: Called with the place, or None when cleared, on a click, before the
            page runs again.

    Returns:
        The place selected now, or None.

    Raises:
        ValueError: If the lengths differ, a speaker is unknown, a weight lies outside
            0–1 or a place outside the pieces.
    """
    count = len(pieces)
    _require(len(speakers) == count, f"{count} pieces, but {len(speakers)} speakers.")
    unknown = set(speakers) - set(SPEAKERS)
    _require(not unknown, f"Nobody is called {unknown}: choose among {SPEAKERS}.")
    places = [*marked, *(choices or ()), *([] if query is None else [query])]
    outside = [place for place in places if not 0 <= place < count]
    _require(not outside, f"Places {outside} lie outside of {count} pieces.")
    can_be_chosen = set(range(count) if choices is None else choices)
    levels, sentences = _read(speakers, weights)
    chosen = current_choice(key, selected, can_be_chosen.__contains__)
    _mount(
        key=key,
        data={
            "pieces": display_pieces(pieces),
            "breaks": ["\n" in piece for piece in pieces],
            "speakers": list(speakers),
            "levels": levels,
            "sentences": sentences,
            "marked": [int(place) for place in marked],
            "query": query,
            "choices": sorted(can_be_chosen),
            "rest": rest,
            "selected": chosen,
        },
        on_picked_change=listener(
            key, read_position, can_be_chosen.__contains__, on_select
        ),
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
        "Weights of attention lie between 0 and 1.",
    )
    levels = [
        round(255 * min(float(weight), 1.0)) if known else None
        for weight, known in zip(row, there, strict=True)
    ]
    numbers = [
        f"read with weight {weight:.3f}" if known else "not there yet"
        for weight, known in zip(row, there, strict=True)
    ]
    return levels, [f"{one} · {who}" for one, who in zip(numbers, said, strict=True)]


def _require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise ValueError(otherwise)
