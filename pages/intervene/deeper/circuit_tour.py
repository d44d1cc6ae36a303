"""Circuit's tour: how few nodes are enough, which they are, and whether it is true."""

from contextlib import suppress
from typing import NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.circuits.nodes import Node, parts_of
from minigpt.interpret.reading.prompt import Reading
from pages.frame.controls.tour import Stop
from pages.frame.words import number, quoted
from pages.intervene import circuit, circuit_numbers
from pages.intervene.circuit import PROOF, percent
from pages.intervene.circuit_graph import DRAWING
from pages.intervene.circuit_numbers import Proven
from pages.intervene.circuit_survey import REMOVALS

LEAST = 3
"""Nodes of a circuit that are looked at one by one."""


class _Told(NamedTuple):
    """What the stops speak of."""

    checkpoint: Checkpoint
    reading: Reading
    found: dict[str, Proven]
    """Two circuits, by the rival's name in the list, the one on the screen first."""

    @property
    def rival(self) -> str:
        return next(iter(self.found))

    @property
    def proven(self) -> Proven:
        return self.found[self.rival]

    def says(self, rival: str) -> tuple[str, str]:
        """Return answer and rival, quoted."""
        asked = circuit.rivals(self.checkpoint, self.reading.tokens)[rival]
        piece = self.checkpoint.tokenizer.piece
        return quoted(piece(asked.answer)), quoted(piece(asked.rival))

    def at(self, node: Node) -> str:
        """Name a node in words."""
        part = parts_of(self.checkpoint.model)[node.part]
        name = part.name if part.kind == "head" else f"the {part.name}"
        return f"{name} at {quoted(self.reading.pieces[node.position])}"

    def ranked(self) -> list[tuple[Node, float]]:
        """Return the nodes with what each adds, those that add most first."""
        pairs = zip(self.proven.circuit.places, self.proven.effects, strict=True)
        return sorted(pairs, key=lambda pair: -pair[1])


def stops(checkpoint: Checkpoint, reading: Reading) -> list[Stop]:
    """Write the tour of one prompt.

    Args:
        checkpoint: The model.
        reading: The prompt, as it reads it; it has a circuit.
    """
    found = {}
    for rival, asked in circuit.rivals(checkpoint, reading.tokens).items():
        with suppress(DataError):  # too near to the answer to be told apart
            found[rival] = circuit_numbers.find(checkpoint, asked)
        if len(found) > 1:
            break
    told = _Told(checkpoint, reading, found)
    return [*_small(told), *_nodes(told), *_other(told), _true(told)]


def _small(told: _Told) -> list[Stop]:
    """Say how many nodes are enough, and what they keep."""
    answer, rival = told.says(told.rival)
    proven, circuit_of = told.proven, told.proven.circuit
    size, count = circuit_of.size, circuit_of.kept.size
    return [
        Stop(
            PROOF,
            f"Why does the model say {answer}, and not {rival}? The logits of the two "
            f"are {proven.difference:.2f} apart. Each part of the model, at each token "
            f"of this prompt, is a node: {count} in all. Of these, {size} alone keep "
            f"{percent(circuit_of.share)} of the difference, while all others are held "
            "at their means, as if they had nothing to say about this prompt. The "
            f"{size} are the circuit.",
            {
                "intervene": "Circuit",
                "circuit_rival": told.rival,
                "_circuit_node": tuple(circuit_of.places[0]),
            },
        )
    ]


def _nodes(told: _Told) -> list[Stop]:
    """Look at the node that adds most, where it begins, and what speaks against it."""
    ranked = told.ranked()
    (best, adds), (least, last) = ranked[0], ranked[-1]
    against = (
        f"Not all of its nodes speak for the answer. The effect of {told.at(least)} is "
        f"{number(last)}: it speaks against it, and is needed all the same, for a "
        "circuit has to keep the whole difference, no more and no less."
        if last < 0
        else "All of its nodes speak for the answer. The smallest effect is that of "
        f"{told.at(least)}, {number(last)} logits, and yet it cannot go."
    )
    return [
        Stop(
            DRAWING,
            "Each mark is a node of the circuit: a part of the model (the row) at a "
            "token (the column). What it writes goes down, to later layers and to the "
            f"answer. The largest effect is that of {told.at(best)}: {number(adds)} "
            "logits. Only its own lines stand out now; the table says how much goes "
            "along each.",
            {"_circuit_node": tuple(best)},
        ),
        Stop(DRAWING, against, {"_circuit_node": tuple(least)}),
        Stop(
            PROOF,
            f"Being enough is one thing, being needed another. Without the circuit, "
            "but with everything else, "
            f"{percent(told.proven.proof.without)} of the difference is left; and "
            f"{percent(told.proven.proof.by_chance)} with as many nodes drawn at "
            "random and nothing else.",
            {"_circuit_node": None},
        ),
    ]


def _other(told: _Told) -> list[Stop]:
    """Ask another question of the same prompt."""
    if len(told.found) == 1:
        return []
    other, proven = list(told.found.items())[1]
    answer, rival = told.says(other)
    return [
        Stop(
            PROOF,
            f"Another question has another circuit. Why {answer}, and not {rival}? Now "
            f"{proven.circuit.size} nodes keep {percent(proven.circuit.share)} of a "
            f"difference of {proven.difference:.2f} logits.",
            {"circuit_rival": other},
        )
    ]


def _true(told: _Told) -> Stop:
    """Say what the predictions are worth."""
    return Stop(
        REMOVALS,
        "The effects are predictions, of a model that is held still. Here each was put "
        "to the test: the node alone was replaced, and the difference measured. "
        "Points on the line came true. For the first question, r = "
        f"{told.proven.removals.correlation:.2f}; 1 would be perfect.",
        {"circuit_rival": told.rival},
    )
