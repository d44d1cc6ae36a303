"""Everything that a head could be in the habit of reading, as cells of its patterns.

`scores` knows five habits that any list of tokens shows. Here are more, for windows of
real text: a token some places back, the last space, the beginning of the sentence. Each
habit is a set of cells, [window q_pos k_pos]: for each query, the keys it would read.

Before: `marks`, which says what each token is in writing. Next: `held_out_scores`,
which measures how much weight of every head lies on the cells of each habit.

Source: for previous-token, induction and duplicate-token heads see `scores`; for heads
that read delimiters Clark et al. 2019, arXiv:1906.04341; for those that read rare
tokens Voita et al. 2019, arXiv:1905.09418.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Int

from minigpt.interpret.corpora import Windows
from minigpt.interpret.heads import marks as writing
from minigpt.interpret.heads.marks import NOWHERE, Flags, Marks, Places, mark
from minigpt.interpret.heads.scores import HABITS, habit_cells
from minigpt.tokenizers.base import Tokenizer

Cells = Bool[np.ndarray, "window q_pos k_pos"]

FARTHEST = 8
"""How many places back a habit of place may reach."""

TEXT_HABITS: Final = {
    **{f"{n}_back": f"the token {n} places back" for n in range(2, FARTHEST + 1)},
    "last_three": "the last three tokens",
    "last_space": "the last space",
    "last_newline": "the last line break",
    "word_start": "the beginning of the last word",
    "this_word": "the word so far",
    "same_word": "earlier copies of the word",
    "sentence_start": "the beginning of the sentence",
    "document_end": "the end of the last document",
    "open_bracket": "the open bracket or quote",
    "punctuation": "punctuation",
    "rare_tokens": "rare tokens",
    "frequent_tokens": "frequent tokens",
}
"""The habits that `scores` does not know, and what a head of each reads."""

ALL_HABITS: Final = {**HABITS, **TEXT_HABITS}
"""Every habit by name, and what a head of it reads."""

PLACES: Final = (
    "previous_token",
    *(f"{n}_back" for n in range(2, FARTHEST + 1)),
    "last_three",
    "self_token",
)
"""Habits that need to know only how far back a key is."""

FEWEST_WINDOWS = 8
"""Seen in fewer windows, a habit has no interval, and is not measured."""

SHARE = 0.25
"""Of a text's tokens: the most frequent ones that make up no more than so many, or the
rarest, are called frequent, or rare."""

ALIKE = 0.95
"""Two habits that share so much of their cells are one: the first of them is kept."""


@dataclass(frozen=True)
class HabitCells:
    """The habits that some windows can show, and why they cannot show the others."""

    cells: dict[str, Cells]
    """By the names of `ALL_HABITS`."""
    missing: dict[str, str]
    """Why a habit is not there: `the vocabulary has no brackets or quotes`."""


def text_habits(tokenizer: Tokenizer, windows: Windows) -> HabitCells:
    """Say, for each habit, which keys each query of some windows would read.

    Args:
        tokenizer: Says how tokens are written.
        windows: Ids, [window pos].
    """
    every = {**_of_tokens(windows), **_of_writing(mark(tokenizer, windows), windows)}
    cells: dict[str, Cells] = {}
    missing: dict[str, str] = {}
    for name in ALL_HABITS:
        shown = int(every[name].any((1, 2)).sum())
        twin = next((it for it in cells if _alike(cells[it], every[name])), None)
        if shown < min(FEWEST_WINDOWS, len(windows)):
            missing[name] = _why_not(name, tokenizer, windows, shown)
        elif twin is not None:
            missing[name] = f"here the same as {ALL_HABITS[twin]}"
        else:
            cells[name] = every[name]
    return HabitCells(cells, missing)


def _of_tokens(windows: Windows) -> dict[str, Cells]:
    """Return the habits that need to know no more than which tokens are equal."""
    known = [habit_cells(window) for window in windows]
    found: dict[str, Cells] = {
        name: np.stack([each[name] for each in known]) for name in HABITS
    }
    length = windows.shape[1]
    for back in range(2, FARTHEST + 1):
        shifted = np.eye(length, k=-back, dtype=bool)
        found[f"{back}_back"] = np.broadcast_to(shifted, (len(windows), length, length))
    near = np.tri(length, k=-1, dtype=bool) & ~np.tri(length, k=-4, dtype=bool)
    found["last_three"] = np.broadcast_to(near, (len(windows), length, length))
    ids, which, counts = np.unique(windows, return_inverse=True, return_counts=True)
    which = which.reshape(windows.shape)
    rising = np.argsort(counts, kind="stable")
    for name, order in (("rare_tokens", rising), ("frequent_tokens", rising[::-1])):
        is_chosen = np.zeros(len(ids), dtype=bool)
        fits = np.cumsum(counts[order]) <= SHARE * windows.size
        is_chosen[order[fits]] = True
        found[name] = _every(is_chosen[which])
    return found


def _of_writing(marks: Marks, windows: Windows) -> dict[str, Cells]:
    """Return the habits that depend on what tokens are in writing."""
    key = np.arange(windows.shape[1])
    is_same = (marks.word[:, :, None] == marks.word[:, None]) & _is_word(marks)
    return {
        "last_space": _last(marks.space),
        "last_newline": _last(marks.newline),
        "word_start": _last(marks.word_start),
        "this_word": np.tril(is_same, -1),
        "same_word": _same_words(marks),
        "sentence_start": _last(marks.sentence_start),
        "document_end": _last(marks.document_end),
        "open_bracket": marks.bracket[:, :, None] == key,
        "punctuation": _every(marks.punctuation),
    }


def _is_word(marks: Marks) -> Cells:
    cells: Cells = (marks.word != NOWHERE)[:, :, None]
    return cells


def _every(is_key: Flags) -> Cells:
    """Let each query read every key of a kind that stands before it."""
    length = is_key.shape[1]
    cells: Cells = np.tril(np.ones((length, length), dtype=bool), -1) & is_key[:, None]
    return cells


def _last(is_key: Flags) -> Cells:
    """Let each query read the last key of a kind that stands before it."""
    length = is_key.shape[1]
    at: Places = np.where(is_key, np.arange(length), NOWHERE)
    last = np.maximum.accumulate(at, axis=1)
    before = np.pad(last[:, :-1], ((0, 0), (1, 0)), constant_values=NOWHERE)
    cells: Cells = before[:, :, None] == np.arange(length)
    return cells


def _same_words(marks: Marks) -> Cells:
    """Let each query read earlier words that are, as far as it knows, its own word.

    Of a word that is spelled in several tokens, a query knows those up to itself; the
    first alone says too little where it is one letter.
    """
    count, length = marks.word.shape
    cells = np.zeros((count, length, length), dtype=bool)
    for window in range(count):
        places: dict[str, list[Int[np.ndarray, " pos"]]] = {}
        own = marks.word[window]
        for query, spelled in enumerate(marks.spelled[window]):
            if not spelled:
                continue
            for earlier in places.get(spelled, []):
                cells[window, query, earlier] = len(spelled) > 1
            # Before this word ends, no key of it can be an earlier place of it.
            places.setdefault(spelled, []).append(np.flatnonzero(own == own[query]))
    return cells


def _alike(one: Cells, other: Cells) -> bool:
    """Whether two habits are the same cells, but for a few."""
    together = int((one | other).sum())
    return together > 0 and int((one & other).sum()) >= ALIKE * together


_KINDS: Final[dict[str, tuple[str, Callable[[str], bool]]]] = {
    "last_space": ("token that is a space", writing.is_space),
    "last_newline": ("line break", writing.is_newline),
    "open_bracket": ("bracket or quote", writing.has_bracket),
    "punctuation": ("punctuation", writing.is_punctuation),
}


def _why_not(name: str, tokenizer: Tokenizer, windows: Windows, shown: int) -> str:
    """Say why a habit is not measured."""
    if name in _KINDS:
        kind, is_one = _KINDS[name]
        every = writing.pieces_of(tokenizer, range(tokenizer.vocab_size))
        if not any(map(is_one, every)):
            return f"no {kind} in the vocabulary"
    if not shown:
        return "no window has such a place"
    return f"only {shown} of {len(windows)} windows have such a place"
