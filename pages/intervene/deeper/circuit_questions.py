"""Predict and Check of the Circuit part: how few nodes, which ones, what is left."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.circuits.keeping import Asked
from minigpt.interpret.circuits.nodes import parts_of
from minigpt.interpret.circuits.search import FEW
from minigpt.interpret.reading.prompt import Reading
from pages.frame import corpora, state
from pages.frame.questions import Question
from pages.frame.reading import place_in
from pages.frame.words import plain, within
from pages.intervene import circuit, circuit_numbers, numbers
from pages.intervene.circuit_numbers import Proven
from viz.tokens import display_piece

FEWEST, MANY = 0.05, 0.5
"""Shares of all nodes between which a circuit's size is asked for, beside `FEW`."""

SHORT = 8
"""Tokens of other prompts: a circuit of few nodes is found soon."""

UNCLEAR = 0.02
"""A share that is so near to a limit is not asked about."""

KINDS = {
    "embedding": "embeddings and positions",
    "position": "embeddings and positions",
    "shift": "embeddings and positions",
    "head": "attention heads",
    "mlp": "MLPs",
}
"""The kinds of parts, as a question names them."""


class _Case(NamedTuple):
    """The circuit of one prompt's answer."""

    checkpoint: Checkpoint
    asked: Asked
    rival: str
    """As the list of rivals has it."""
    prompt: str | None
    """None: the one on the screen."""

    @property
    def proven(self) -> Proven:
        return circuit_numbers.find(self.checkpoint, self.asked)

    @property
    def why(self) -> str:
        """The question that the circuit answers. Markdown."""
        pieces = self.checkpoint.tokenizer.pieces([self.asked.answer, self.asked.rival])
        answer, rival = (f"“{plain(display_piece(piece))}”" for piece in pieces)
        return f"{within(self.prompt)}Why does the model say {answer}, not {rival}?"

    def at(self) -> dict[str, Any]:
        return place_in(self.prompt, intervene="Circuit", circuit_rival=self.rival)


def size(checkpoint: Checkpoint, reading: Reading) -> Iterator[Question]:
    """Ask how many nodes are enough for an answer."""
    for case in _cases(checkpoint, reading):
        found = case.proven.circuit
        count = found.kept.size
        limits = [int(share * count) for share in (FEWEST, FEW, MANY)]
        if not limits[0]:
            continue  # too few nodes to be told apart
        starts = [1, *(limit + 1 for limit in limits)]
        yield Question(
            "intervene.circuit_size",
            f"{case.why} Each part of the model, at each token, is a node: {count} in "
            "all. How many of them are enough to keep the difference of the two logits "
            "within 10%, while all others are held at their means?",
            [
                *(f"{starts[place]} to {limits[place]}" for place in range(3)),
                f"{starts[-1]} or more",
            ],
            sum(found.size > limit for limit in limits),
            f"{found.size} of {count} nodes keep {100 * found.share:.0f}% of the "
            "difference, and none of them can go.",
            case.at(),
        )


def checks(checkpoint: Checkpoint, reading: Reading) -> list[Iterator[Question]]:
    """Return the kinds of questions about a circuit that is drawn."""
    asked = checkpoint, reading
    return [_last(*asked), _kind(*asked), _without(*asked)]


def is_found(checkpoint: Checkpoint, reading: Reading) -> bool:
    """Whether the prompt on the screen has a circuit, with the chosen rival."""
    case = next(_cases(checkpoint, reading), None)
    return case is not None and case.prompt is None


def _cases(checkpoint: Checkpoint, reading: Reading) -> Iterator[_Case]:
    """Yield the circuit on the screen, then those of other prompts, if it is quick."""
    is_quick = numbers.is_quick(checkpoint)
    others = corpora.other_prompts(checkpoint, SHORT) if is_quick else []
    for prompt, tokens in [(None, reading.tokens), *others]:
        names = circuit.rivals(checkpoint, tokens)
        rivals = list(names)[:2]
        if prompt is None:
            chosen = state.get("circuit_rival", st.query_params.get("circuit_rival"))
            rivals = [chosen if chosen in names else rivals[0]]
        for rival in rivals:
            case = _Case(checkpoint, names[rival], rival, prompt)
            with suppress(DataError):  # too near to each other to be explained
                circuit_numbers.find(checkpoint, case.asked)
                yield case


def _last(checkpoint: Checkpoint, reading: Reading) -> Iterator[Question]:
    """Ask how much of a circuit is at the token where the prediction is made."""
    for case in _cases(checkpoint, reading):
        kept = case.proven.circuit.kept
        size, last = int(kept.sum()), int(kept[:, -1].sum())
        yield Question(
            "intervene.circuit_last",
            f"{case.why} The next token is predicted at the last token. How many of "
            "the circuit’s nodes are at that token?",
            ("all of them", "at least half, not all", "less than half"),
            0 if last == size else 1 if 2 * last >= size else 2,
            f"{last} of its {size} nodes are.",
            case.at(),
        )


def _kind(checkpoint: Checkpoint, reading: Reading) -> Iterator[Question]:
    """Ask of which kind most nodes of a circuit are."""
    for case in _cases(checkpoint, reading):
        count = _kinds(case)
        ranked = sorted(count, key=lambda each: -count[each])
        if len(ranked) < 2 or count[ranked[0]] == count[ranked[1]]:
            continue
        yield Question(
            "intervene.circuit_kind",
            f"{case.why} Which kind of node is the most common in its circuit?",
            list(count),
            list(count).index(ranked[0]),
            f"{count[ranked[0]]} of its {sum(count.values())} nodes are of this kind.",
            case.at(),
        )


def _kinds(case: _Case) -> dict[str, int]:
    """Count a circuit's nodes by what kind of part they are."""
    parts = parts_of(case.checkpoint.model)
    found = Counter(dict.fromkeys((KINDS[part.kind] for part in parts), 0))
    for place in case.proven.circuit.places:
        found[KINDS[parts[place.part].kind]] += 1
    return dict(found)


def _without(checkpoint: Checkpoint, reading: Reading) -> Iterator[Question]:
    """Ask what is left once a circuit's nodes are taken away, and all others kept."""
    for case in _cases(checkpoint, reading):
        left = case.proven.proof.without
        if min(abs(left), abs(left - circuit.NEEDED)) < UNCLEAR:
            continue
        yield Question(
            "intervene.without_circuit",
            f"{case.why} Now the nodes of the circuit are held at their means, and all "
            "others are kept. How much of the difference is left?",
            (
                "nothing: the rival is likelier then",
                "at most half",
                "more than half: there is another path",
            ),
            (left > 0) + (left > circuit.NEEDED),
            f"{plain(circuit.percent(left))} of it is left.",
            case.at(),
        )
