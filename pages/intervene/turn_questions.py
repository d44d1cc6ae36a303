"""Predict and Check of "Ablate each in turn": which heads a model needs."""

from collections.abc import Iterator
from itertools import combinations, product
from typing import Any, NamedTuple

from minigpt.checkpoint import Checkpoint
from pages.frame import state
from pages.frame.questions import Question
from pages.frame.words import plain, told_apart
from pages.intervene import numbers
from pages.intervene.questions import CLEAR, OPTIONS, by_name, spread
from pages.intervene.sweep import BECOMES, MEASURES, WAYS


class _Map(NamedTuple):
    """One map of what ablating each head costs."""

    how: str
    measure: str
    costs: dict[str, float]

    @property
    def words(self) -> str:
        return f"{self.measure}, each head {BECOMES[self.how]}"

    @property
    def at(self) -> dict[str, Any]:
        return {
            "intervene": "Ablate each in turn",
            "turn_how": self.how,
            "turn_measure": self.measure,
        }


def needed(checkpoint: Checkpoint) -> Iterator[Question]:
    """Ask which of some heads a model needs most on held-out text."""
    for found in _maps(checkpoint):
        names = list(found.costs)
        by_layer = {name.partition("H")[0]: None for name in names}
        layers = [[n for n in names if n.startswith(f"{one}H")] for one in by_layer]
        for some in (names, *layers, *combinations(names, 2)):
            ranked = sorted(some, key=lambda name: -found.costs[name])
            if len(ranked) < 2 or not _is_clear(found.costs, ranked):
                continue
            options = sorted(spread(ranked))
            yield Question(
                "intervene.needed",
                "Ablate each head in turn, and read held-out text. Which of these "
                f"heads does the model need most ({found.words})?",
                options,
                options.index(ranked[0]),
                f"{ranked[0]} costs {found.costs[ranked[0]]:.3f} nats per token, "
                f"{ranked[1]} {found.costs[ranked[1]]:.3f}.",
                found.at,
            )


def checks(checkpoint: Checkpoint) -> list[Iterator[Question]]:
    """Return the kinds of questions about ablating each head in turn."""
    return [_sharper(checkpoint), _cost(checkpoint)]


def _maps(checkpoint: Checkpoint) -> Iterator[_Map]:
    """Yield the map on the screen first."""
    how, measure = (
        state.get(key, first)
        for key, first in (("turn_how", "zero"), ("turn_measure", next(iter(MEASURES))))
    )
    both = list(product(WAYS, MEASURES))
    both.sort(key=lambda each: (each != (how, measure), each[0] != how))
    for each, shown in both:
        effects = numbers.heads_on_corpus(checkpoint, WAYS[each])
        yield _Map(each, shown, by_name(getattr(effects, MEASURES[shown])))


def _is_clear(costs: dict[str, float], ranked: list[str]) -> bool:
    best, second = (costs[name] for name in ranked[:2])
    return best > 0.002 and best >= CLEAR * second


def _sharper(checkpoint: Checkpoint) -> Iterator[Question]:
    """Ask whether the head with the sharper pattern is the one that is needed."""
    scores = numbers.scores_under(checkpoint, ())
    weights = by_name(scores.previous_token)
    sharpest = sorted(weights, key=lambda name: -weights[name])
    for found in _maps(checkpoint):
        for pair in combinations(sharpest, 2):
            ranked = sorted(pair, key=lambda name: -found.costs[name])
            if weights[pair[0]] - weights[pair[1]] < 0.02 or not _is_clear(
                found.costs, ranked
            ):
                continue
            options = sorted(pair)
            one, other = options
            yield Question(
                "intervene.sharper",
                f"On random tokens, {one} puts {weights[one]:.2f} of its weight on the "
                f"previous token, {other} {weights[other]:.2f}. Which of the two does "
                f"the model need more ({found.words})?",
                options,
                options.index(ranked[0]),
                f"{ranked[0]} costs {found.costs[ranked[0]]:.3f} nats per token, "
                f"{ranked[1]} {found.costs[ranked[1]]:.3f}.",
                found.at,
            )


def _cost(checkpoint: Checkpoint) -> Iterator[Question]:
    """Ask what ablating one head costs."""
    for found in _maps(checkpoint):
        names = sorted(found.costs, key=lambda name: -found.costs[name])
        for head in names:
            others = [name for name in names if name != head][: OPTIONS - 1]
            values = sorted({found.costs[name] for name in (head, *others)})
            if len(values) < 2:
                continue
            texts = told_apart(values, 3)
            yield Question(
                "intervene.cost",
                f"What does ablating {head} cost, in nats per token ({found.words})?",
                texts,
                values.index(found.costs[head]),
                f"{plain(f'{found.costs[head]:.4f}')} nats: a number below zero would "
                "mean that the model reads better without it.",
                found.at,
            )
