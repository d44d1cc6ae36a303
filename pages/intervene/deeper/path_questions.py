"""Predict and Check of the Paths part: which way a difference between prompts takes."""

from collections.abc import Iterable, Iterator
from itertools import combinations

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.interventions.parts import Head
from minigpt.interpret.interventions.paths import Path, Through
from pages.frame import state
from pages.frame.questions import Question
from pages.frame.words import number
from pages.intervene import numbers, paths
from pages.intervene.patch_questions import CLEAR, OPTIONS, Case, cases
from pages.intervene.path_list import FAINT, Maps
from pages.intervene.prompts import Patching

LABELS = {through: label for label, through in paths.THROUGH.items()}

TOGETHER = 6
"""The strongest paths, of which two are patched together."""

AS_MUCH = 0.01
"""Share of the way that makes no difference between a sum and what two paths do."""


def strongest(checkpoint: Checkpoint, patching: Patching) -> Iterator[Question]:
    """Ask which of some paths moves the answer farthest."""
    for case, maps in _maps(checkpoint, patching):
        between = [path for path in maps.moved if path.receiver]
        direct = [path for path in maps.moved if not path.receiver]
        groups = [list(maps.moved), between, direct]
        layers = range(checkpoint.model.config.num_layers)
        groups += [_from(maps, layer) for layer in layers]
        for some in groups:
            ranked = _ranked(maps, some)
            if not _is_clear([maps.moved[path] for path in ranked]):
                continue
            step = max(1, (len(ranked) - 1) // (OPTIONS - 1))
            shown = [ranked[0], *ranked[1::step][: OPTIONS - 1]]
            shown.sort(
                key=lambda path: (path.sender.layer, path.sender.head, str(path))
            )
            share, next_share = (number(maps.moved[path], 3) for path in ranked[:2])
            yield Question(
                "intervene.strongest_path",
                f"{case.where}The model reads one prompt, but one of its heads writes "
                "what it wrote for the other, and only one receiver hears it: a path. "
                "Which of these paths moves the answer farthest?",
                [named(path) for path in shown],
                shown.index(ranked[0]),
                f"It moves it {share} of the way; the next one, {named(ranked[1])}, "
                f"{next_share}.",
                {**case.at(checkpoint, "Paths"), "path_through": LABELS[maps.through]},
            )


def checks(checkpoint: Checkpoint, patching: Patching) -> list[Iterator[Question]]:
    """Return the kinds of questions about paths."""
    return [_together(checkpoint, patching), _through(checkpoint, patching)]


def named(path: Path) -> str:
    """Name a path in words.

    >>> named(Path(Head(0, 1), Head(1, 0), "k")), named(Path(Head(1, 0)))
    ('L0H1 to the keys of L1H0', 'L1H0 to the logits')
    """
    if path.receiver is None:
        return f"{path.sender} to the logits"
    kinds = {"q": "queries", "k": "keys", "v": "values"}
    return f"{path.sender} to the {kinds[path.through or 'k']} of {path.receiver}"


def _maps(checkpoint: Checkpoint, patching: Patching) -> Iterator[tuple[Case, Maps]]:
    """Yield what each path moves, first what is on the screen.

    Of a large model, nothing else: each map takes it long.
    """
    chosen = state.get("path_through", st.query_params.get("path_through"))
    first: Through = paths.THROUGH.get(str(chosen), "k")
    order = [first, *(each for each in LABELS if each != first)]
    for case in cases(checkpoint, patching):
        for through in order:
            prompts = case.patching.prompts
            yield case, paths.measure(checkpoint, prompts, through)
            if not numbers.is_quick(checkpoint):
                return


def _from(maps: Maps, layer: int) -> list[Path]:
    return [path for path in maps.moved if path.sender.layer == layer]


def _ranked(maps: Maps, some: Iterable[Path]) -> list[Path]:
    """Return paths, those that move the answer farthest first."""
    return sorted(some, key=lambda path: -abs(maps.moved[path]))


def _is_clear(shares: Iterable[float]) -> bool:
    """Whether, of two shares or more, one is felt and is the largest by far."""
    best, *others = sorted(map(abs, shares), reverse=True) or [0.0]
    return bool(others) and best >= FAINT and best >= CLEAR * others[0]


def _together(checkpoint: Checkpoint, patching: Patching) -> Iterator[Question]:
    """Ask whether two paths together do what each does alone, summed."""
    options = ("less than the sum", "the sum, within 0.01", "more than the sum")
    for case, maps in _maps(checkpoint, patching):
        both = case.patching.prompts
        few = [
            path
            for path in _ranked(maps, maps.moved)[:TOGETHER]
            if maps.moved[path] >= FAINT
        ]
        for pair in combinations(few, 2):
            alone = [maps.moved[path] for path in pair]
            found = paths.together(checkpoint.model, both, list(pair)).moved
            over = found - sum(alone)
            if AS_MUCH / 2 < abs(over) < 2 * AS_MUCH:
                continue
            one, other = map(named, pair)
            yield Question(
                "intervene.paths_together",
                f"{case.where}The path {one} alone moves the answer "
                f"{number(alone[0], 3)} of the way, the path {other} "
                f"{number(alone[1], 3)}. How far do both move it together?",
                options,
                1 if abs(over) <= AS_MUCH else 2 if over > 0 else 0,
                f"Together they move it {number(found, 3)} of the way; the sum is "
                f"{number(sum(alone), 3)}.",
                {**case.at(checkpoint, "Paths"), "paths": [str(path) for path in pair]},
            )


def _through(checkpoint: Checkpoint, patching: Patching) -> Iterator[Question]:
    """Ask through what of a receiver most of a sender's difference goes."""
    if not numbers.is_quick(checkpoint):
        return
    config = checkpoint.model.config
    if config.kv_heads != config.num_heads:
        return  # keys and values are a group's, queries a head's
    for case in cases(checkpoint, patching):
        prompts = case.patching.prompts
        maps = [paths.measure(checkpoint, prompts, each) for each in LABELS]
        moved = {path: share for each in maps for path, share in each.moved.items()}
        pairs = {(path.sender, path.receiver) for path in moved if path.receiver}
        largest = {
            pair: max(abs(moved[Path(*pair, each)]) for each in LABELS)
            for pair in pairs
        }
        for pair in sorted(pairs, key=lambda each: (-largest[each], str(each))):
            found = _of_pair(checkpoint, case, moved, pair)
            if found is not None:
                yield found


def _of_pair(
    checkpoint: Checkpoint,
    case: Case,
    moved: dict[Path, float],
    pair: tuple[Head, Head | None],
) -> Question | None:
    shares = {LABELS[each]: moved[Path(*pair, each)] for each in LABELS}
    ranked = sorted(shares, key=lambda label: -abs(shares[label]))
    if not _is_clear(shares.values()):
        return None
    sender, receiver = pair
    said = ", ".join(f"{label} {number(shares[label], 3)}" for label in shares)
    return Question(
        "intervene.path_through",
        f"{case.where}Through which input of {receiver} does the path from {sender} "
        "move the answer farthest?",
        list(shares),
        list(shares).index(ranked[0]),
        f"Shares of the way: {said}.",
        case.at(checkpoint, "Paths"),
    )
