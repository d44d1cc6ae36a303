"""Paths' tour: what one head tells another's keys, values, queries, and the logits."""

from typing import NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.interventions.paths import Path, Through
from pages.frame.controls.tour import Stop
from pages.frame.words import number, quoted
from pages.intervene import paths
from pages.intervene.deeper.path_questions import LABELS, named
from pages.intervene.path_list import FAINT
from pages.intervene.paths import GRAPH, MAP, TOLD
from pages.intervene.prompts import Patching


class _Told(NamedTuple):
    """What the stops speak of."""

    checkpoint: Checkpoint
    patching: Patching

    def moved(self, through: Through) -> dict[Path, float]:
        """Return what every path moves, by what of a receiver it reaches."""
        return paths.measure(self.checkpoint, self.patching.prompts, through).moved

    def best(self, through: Through, *, between: bool = True) -> tuple[Path, float]:
        """Return the path that does most, between two heads or to the logits."""
        moved = self.moved(through)
        some = [path for path in moved if bool(path.receiver) is between]
        best = max(some, key=lambda path: abs(moved[path]))
        return best, moved[best]

    def most(self, through: Through) -> str:
        """Say which path between two heads does most."""
        path, share = self.best(through)
        if abs(share) < FAINT:
            return (
                "Here nothing goes that way: no path does more than "
                f"{number(abs(share), 3)} of the way."
            )
        return f"Most goes from {named(path)}: {number(share, 3)} of the way."

    def name(self, token: int) -> str:
        return quoted(self.checkpoint.tokenizer.piece(token))


def stops(checkpoint: Checkpoint, patching: Patching) -> list[Stop]:
    """Write the tour of two prompts.

    Args:
        checkpoint: The model that reads them.
        patching: The prompts, their answer and its rival.
    """
    told = _Told(checkpoint, patching)
    between = checkpoint.model.config.num_layers > 1
    return [
        _begin(told),
        *(_between(told) if between else []),
        *_to_the_logits(told, between),
        Stop(
            GRAPH,
            "All paths into keys at once: the wider a line, the farther its path moves "
            "the answer. Your turn: click cells of the table, and see with how few "
            "paths together the whole answer comes back.",
            {"path_through": LABELS["k"], "paths": []},
        ),
    ]


def _begin(told: _Told) -> Stop:
    both = told.patching.prompts
    return Stop(
        MAP,
        f"One of these prompts makes the model say {told.name(both.answer)}, the other "
        f"{told.name(both.rival)}. The difference has to travel from head to head. In "
        "each cell, one head (the row) writes what it wrote for the other prompt, and "
        "only one reader (the column) gets to hear it. Everything between them is "
        "frozen. That is one path, and the number is how far it moves the answer.",
        {"intervene": "Paths", "path_through": LABELS["q"], "paths": []},
    )


def _between(told: _Told) -> list[Stop]:
    """Go through what a reader hears with: its keys, and its values."""
    best, share = told.best("k")
    return [
        Stop(
            MAP,
            "A reader hears in three ways. Until now it was with its queries: they say "
            f"what a head looks for. {told.most('q')} Now it is with its keys. They "
            "say what is found at a token, and so decide where the head looks.",
            {"path_through": LABELS["k"]},
        ),
        Stop(
            TOLD,
            f"The strongest path into keys, from {named(best)}, was put into the list. "
            f"Alone, it moves the answer {number(share, 3)} of the way.",
            {"paths": [str(best)]},
        ),
        Stop(
            MAP,
            "The third way is the values: not where a head looks, but what it takes "
            f"from there. {told.most('v')}",
            {"path_through": LABELS["v"], "paths": []},
        ),
    ]


def _to_the_logits(told: _Told, between: bool) -> list[Stop]:
    """Patch the best path to the logits, then two paths at once."""
    direct, share = told.best("v", between=False)
    other = told.best("v")[0] if between else _second(told, direct)
    together = paths.together(
        told.checkpoint.model, told.patching.prompts, [direct, other]
    ).moved
    alone = told.moved("v")[other]
    return [
        Stop(
            TOLD,
            "A head can also speak for itself: the last column leads straight to the "
            f"logits, past all later layers. There {direct.sender} does most, and "
            f"moves the answer {number(share, 3)} of the way.",
            {"paths": [str(direct)]},
        ),
        Stop(
            TOLD,
            f"Now two paths at once: also the one from {named(other)}, which alone "
            f"moves the answer {number(alone, 3)}. The sum would be "
            f"{number(share + alone, 3)}. Together they move it "
            f"{number(together, 3)} of the way. Where the two differ, one path needs "
            "the other, or stands in for it.",
            {"paths": [str(direct), str(other)]},
        ),
    ]


def _second(told: _Told, best: Path) -> Path:
    """Return another path to the logits, where there is none between heads."""
    moved = told.moved("v")
    others = [path for path in moved if path != best]
    return max(others or [best], key=lambda path: abs(moved[path]))
