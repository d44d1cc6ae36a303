"""Predict and Check of the Compare page, answered by the two models on the screen.

First comes the text on the screen, then other stretches of held-out text, then other
steps or models to compare with.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.differences.comparison import PieceChanges
from pages.compare import numbers, start
from pages.compare.choice import Side, side_of, step_of, stretches
from pages.compare.numbers import Compared
from pages.frame import models
from pages.frame.questions import Question
from pages.frame.words import plain, told_apart
from viz.tokens import placed_pieces

CLEAR = 0.02
"""Nats: two changes nearer than this are a tie."""
OFFERED = 4
"""Answers to choose among."""
LARGEST_CHANGE = 3.0
"""Nats: beyond, a factor is too large or small to be read."""


@dataclass(frozen=True)
class _Text:
    """A text that can be asked about, and how two models differ on it."""

    names: tuple[str, str]
    changes: PieceChanges
    where: str = ""
    at: Mapping[str, Any] = field(default_factory=dict)

    @property
    def noun(self) -> str:
        return "tokens" if self.changes.same_tokens else "pieces"

    def piece(self, place: int) -> str:
        """Name a piece by place and text, as Markdown."""
        return f"**{plain(placed_pieces(self.changes.pieces)[place])}**"


Kind = Callable[[_Text], Question | None]


def worse_share(shown: Compared, befores: Sequence[Side]) -> Iterator[Question]:
    """Ask, before anything is shown, on how many pieces the loss rises.

    Args:
        shown: What is on the screen.
        befores: Other models to compare the chosen one with.
    """
    return _asked(_worse, _texts(shown, befores))


def got_worse(shown: Compared, befores: Sequence[Side]) -> Iterator[Question]:
    """Ask, once the colours are seen, which piece got worse: see `worse_share`."""
    return _asked(_orange, _texts(shown, befores))


def checks(shown: Compared, befores: Sequence[Side]) -> list[Iterator[Question]]:
    """Ask what the numbers of a text come to: see `worse_share`."""
    return [
        _asked(kind, _texts(shown, befores)) for kind in (_factor, _largest, _removed)
    ]


def recall(checkpoint: Checkpoint) -> list[Iterator[Question]]:  # noqa: ARG001
    """Ask what can be worked out without the figures, about the chosen model."""
    entry = models.chosen_entry()
    after = side_of(entry, step_of(entry))
    befores = start.befores_of(entry)
    return [_asked(kind, _elsewhere(befores, after)) for kind in (_factor, _removed)]


def _asked(kind: Kind, texts: Iterator[_Text]) -> Iterator[Question]:
    return (question for each in texts if (question := kind(each)) is not None)


def _texts(shown: Compared, befores: Sequence[Side]) -> Iterator[_Text]:
    """Yield the text on the screen, then others; nothing where a model meets itself."""
    if shown.before.path == shown.after.path:
        return
    names = (shown.before.name, shown.after.name)
    yield _Text(names, shown.found.changes)
    others = [each for each in befores if each.path != shown.before.path]
    seen = (names[0], shown.text.content)
    yield from _elsewhere([shown.before, *others], shown.after, seen)


def _elsewhere(
    befores: Sequence[Side], after: Side, seen: tuple[str, str] = ("", "")
) -> Iterator[_Text]:
    """Yield held-out texts, compared with each of several models.

    Args:
        befores: The models to compare with.
        after: The chosen model.
        seen: Name of a model and the text on which it was compared already.
    """
    for before in befores:
        for number, text in enumerate(stretches(before, after)):
            if (before.name, text) == seen:
                continue
            try:
                changes = numbers.changes_on(before.checkpoint, after.checkpoint, text)
            except DataError:
                continue  # they cut it into tokens that never meet
            yield _Text(
                (before.name, after.name),
                changes,
                f"Stretch {number + 1} of the held-out text. ",
                start.place_of(before, number),
            )


def _worse(text: _Text) -> Question:
    found = text.changes
    counts = _counts_around(found.worse, found.compared)
    before, after = map(plain, text.names)
    verb = "falls" if found.mean_change <= 0 else "rises"
    unit = "token" if found.same_tokens else "character"
    return Question(
        "compare.worse",
        f"{text.where}From {before} to {after}, the mean loss {verb} by "
        f"{abs(found.mean_change):.3f} nats per {unit}. Out of {found.compared} "
        f"{text.noun}, on how many does the loss rise?",
        [str(count) for count in counts],
        counts.index(found.worse),
        f"It rises on {found.worse} of {found.compared}. The mean says nothing about "
        "how many.",
        text.at,
    )


def _counts_around(right: int, most: int) -> list[int]:
    """Return counts at equal distances, the right one at a place that tells nothing."""
    gap = max(1, most // 5)
    rows = [
        [right + gap * (number - place) for number in range(4)] for place in range(4)
    ]
    fitting = [row for row in rows if row[0] >= 0 and row[-1] <= most]
    if not fitting:
        return list(range(most + 1))
    return fitting[(7 * right + most) % len(fitting)]


def _orange(text: _Text) -> Question | None:
    """Ask on which one of some pieces the loss rises; None without a clear answer.

    The others are the nearest that got better: only the colour tells them apart.
    """
    change = text.changes.change
    better = [place for place, value in enumerate(change) if value < -CLEAR]
    if text.changes.worse == 0 or change[text.changes.worst] < CLEAR or len(better) < 2:
        return None
    worst = text.changes.worst
    near = sorted(better, key=lambda place: abs(place - worst))[: OFFERED - 1]
    places = sorted([worst, *near])
    names = placed_pieces(text.changes.pieces)
    return Question(
        "compare.orange",
        f"{text.where}From {plain(text.names[0])} to {plain(text.names[1])}: on which "
        f"one of these {text.noun} does the loss rise?",
        [names[place] for place in places],
        places.index(worst),
        f"On {text.piece(worst)} it rises by {change[worst]:.3f} nats; on the others "
        "it falls.",
        text.at,
    )


def _factor(text: _Text) -> Question | None:
    """Ask what a change of the loss means for the probability."""
    change = text.changes.change
    fitting = [
        (abs(value), place)
        for place, value in enumerate(change.tolist())
        if CLEAR <= abs(value) <= LARGEST_CHANGE
    ]
    if not fitting:
        return None
    place = max(fitting)[1]
    value = float(change[place])
    right = math.exp(-value)
    options = sorted({right, math.exp(value), abs(value)})
    return Question(
        "compare.factor",
        f"{text.where}From {plain(text.names[0])} to {plain(text.names[1])}, the loss "
        f"on {text.piece(place)} changes by {value:+.3f} nats. What is its "
        "probability multiplied by?",
        told_apart(options, 3),
        options.index(right),
        f"The loss is −ln p, so p is multiplied by e^{-value:.3f}, which is "
        f"{right:.3f}.",
        text.at,
    )


def _largest(text: _Text) -> Question | None:
    """Ask which piece changed most; None without a clear answer."""
    found = text.changes
    order = found.most_changed(4)
    if found.compared < 3:
        return None
    first, second = (abs(float(found.change[place])) for place in order[:2])
    if first - second < CLEAR:
        return None
    names = placed_pieces(found.pieces)
    shown = sorted(order)
    best = order[0]
    return Question(
        "compare.largest",
        f"{text.where}From {plain(text.names[0])} to {plain(text.names[1])}: on which "
        "of these does the loss change most, up or down?",
        [names[place] for place in shown],
        shown.index(best),
        f"{text.piece(best)} changes by {found.change[best]:+.3f} nats.",
        text.at,
    )


def _removed(text: _Text) -> Question | None:
    """Ask what the mean would be without the piece that gained most."""
    found = text.changes
    mean, count = found.mean_per_piece, found.compared
    gain = float(found.change[found.best])
    if count < 3 or gain > -CLEAR:
        return None
    right = found.mean_change_without(found.best)
    options = sorted({right, mean, gain / count, mean - gain})
    return Question(
        "compare.removed",
        f"{text.where}From {plain(text.names[0])} to {plain(text.names[1])}, the loss "
        f"on {count} {text.noun} changes by {mean:+.3f} nats on average, and on "
        f"{text.piece(found.best)} by {gain:+.3f}. What is the mean change of the "
        "others?",
        _signed(told_apart(options, 3)),
        options.index(right),
        f"({count} × {mean:+.3f} − ({gain:+.3f})) ÷ {count - 1} is {right:+.3f}.",
        text.at,
    )


def _signed(options: Sequence[str]) -> list[str]:
    return [each if each.startswith("-") else f"+{each}" for each in options]
