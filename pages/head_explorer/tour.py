"""The tour of the Head explorer: all heads, one of them, and what its name is worth."""

from itertools import product
from typing import NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.null_band import NullBand
from minigpt.interpret.heads.scores import HABITS, ByHead, HeadScores, shown_habits
from minigpt.interpret.reading.prompt import Reading
from pages.frame.controls.tour import Stop
from pages.frame.words import number, quoted
from pages.head_explorer import study

GRID, HEAD, MORE = "all_heads", "one_head", "more_of_the_head"
"""Three regions: the view of all heads, the one that is chosen, and the tabs below."""

MAP, LINES = VIEWS = ("Heat map", "Lines")
"""Views of one head."""

ELSEWHERE, WITHOUT = "On another text", "Without it"
"""Two of the tabs."""

FEWEST = 4
"""Tokens. A shorter text shows no habit."""

PREVIOUS = "previous_token"


class _Head(NamedTuple):
    """One head, and the score that it was chosen for."""

    layer: int
    head: int
    score: float

    @property
    def name(self) -> str:
        return f"L{self.layer}H{self.head}"

    @property
    def at(self) -> dict[str, object]:
        return {"layer": self.layer, "head": self.head}


def stops(checkpoint: Checkpoint, reading: Reading) -> list[Stop]:
    """Write the tour of one text.

    Args:
        checkpoint: The model that is shown.
        reading: The prompt, as the model reads it.
    """
    scores = study.scores_on_prompt(checkpoint, reading)
    before = _highest(getattr(scores, PREVIOUS))
    band = study.quick_band(checkpoint.model.config, reading.tokens)
    return [
        _all(reading),
        *_one(reading, before, band),
        _other_habit(scores, before),
        _spread(scores, band),
        *_untrained(before, band),
        _elsewhere(checkpoint, scores),
        _without(checkpoint, reading),
    ]


def _all(reading: Reading) -> Stop:
    layers, heads = reading.patterns.shape[:2]
    every = (
        f"The model has {layers} layers with {heads} heads each, and nobody told any "
        "of them what to look for."
        if layers * heads > 1
        else "This model has only one, and nobody told it what to look for."
    )
    return Stop(
        GRID,
        "When a model reads, every token looks back at the tokens before it. A part "
        "that does this is called a head, and every small picture is one head on this "
        "text: a row for each token that looks, a column for each that is looked at, "
        f"darker where it takes more. {every}",
        {
            "layer": 0,
            "head": 0,
            "token": len(reading.tokens) - 1,
            "_read": None,
            "grid_score": PREVIOUS,
            "pattern_view": MAP,
        },
    )


def _one(reading: Reading, found: _Head, band: NullBand | None) -> list[Stop]:
    """Read one row of one head, as cells and as lines."""
    untrained = None if band is None else band.edges(PREVIOUS)[1]
    is_habit = untrained is None or found.score > untrained[found.layer, found.head]
    pattern = reading.patterns[found.layer, found.head]
    token = 1 + int(pattern.diagonal(-1).argmax())
    asks, read = (quoted(reading.pieces[at]) for at in (token, token - 1))
    weight = float(pattern[token, token - 1])
    return [
        Stop(
            HEAD,
            f"Here is one of them, large: {found.name}, head {found.head} of layer "
            f"{found.layer}. Each row shares out 1 in all. In the row of {asks}, "
            f"{number(weight, 3)} of it goes to {read}, the token just before. (A dot "
            "stands for a space.)",
            {**found.at, "token": token, "_read": token - 1},
        ),
        Stop(
            HEAD,
            "The same numbers as lines, thicker where more is taken. On average over "
            f"this text, {found.name} takes {number(found.score, 3)} from the token "
            "just before; no head takes more. "
            + (
                "Such a regularity is called a habit."
                if is_habit
                else "Heads that learned nothing take as much, so here it is no habit."
            ),
            {"pattern_view": LINES, "token": len(reading.tokens) - 1, "_read": None},
        ),
    ]


def _other_habit(scores: HeadScores, other: _Head) -> Stop:
    """Show a head that does something else."""
    habits = {
        name: _highest(getattr(scores, name), other)
        for name in HABITS
        if name != PREVIOUS and scores.queries[name]
    }
    name, found = max(habits.items(), key=lambda each: each[1].score)
    return Stop(
        GRID,
        "Heads differ. Below each picture, a bar shows how strong one habit is; now it "
        f"is how much a head takes from {HABITS[name]}. Here {found.name} takes "
        f"{number(found.score, 3)}, so it is chosen now. The list above the pictures "
        "has the other habits.",
        {**found.at, "grid_score": name, "pattern_view": MAP},
    )


def _spread(scores: HeadScores, band: NullBand | None) -> Stop:
    broad, sharp = _highest(scores.entropy), _highest(-scores.entropy)
    untrained = None if band is None else band.edges("entropy")[0]
    is_sharp = untrained is None or -sharp.score < untrained[sharp.layer, sharp.head]
    sharpest = (
        f"the sharpest head is {sharp.name}, with {number(-sharp.score)} nats,"
        if is_sharp
        else f"no head is sharper than heads that learned nothing: {sharp.name} has "
        f"the lowest, {number(-sharp.score)} nats,"
    )
    return Stop(
        GRID,
        "Some heads take everything from one token, others a little from many. How "
        "evenly a row is spread is called its entropy: 0 for one token alone. Here "
        f"{sharpest} and the broadest is {broad.name}, with {number(broad.score)}.",
        {**broad.at, "grid_score": "entropy"},
    )


def _untrained(found: _Head, band: NullBand | None) -> list[Stop]:
    """Hold a score against heads that learned nothing, where that is quick."""
    if band is None:
        return []
    low, high = (
        number(float(edge[found.layer, found.head]), 3) for edge in band.edges(PREVIOUS)
    )
    return [
        Stop(
            GRID,
            f"Back to {found.name} and the token just before. Is "
            f"{number(found.score, 3)} much? At the beginning of a text there is "
            "little to choose from, so even heads that learned nothing have some of "
            f"every habit. Theirs lies between {low} and {high}: the brackets on the "
            "bars.",
            {**found.at, "grid_score": PREVIOUS},
        )
    ]


def _elsewhere(checkpoint: Checkpoint, scores: HeadScores) -> Stop:
    """Show the head that changes most on another text."""
    there = study.on_random_tokens(checkpoint, with_band=False).scores
    lost = {
        (layer, head, name): here - float(getattr(there, name)[layer, head])
        for layer, head in product(*map(range, scores.entropy.shape))
        for name, here in list(shown_habits(scores, layer, head).items())[:1]
    }
    layer, head, name = max(lost, key=lost.__getitem__)
    here, now = (
        number(float(getattr(each, name)[layer, head]), 3) for each in (scores, there)
    )
    return Stop(
        MORE,
        f"What a head does depends on the text. On this one, L{layer}H{head} takes "
        f"{here} from {HABITS[name]}. On random tokens, a row of them and then the "
        f"same row again, it takes {now}. So a name holds for one kind of text; the "
        "name above a head comes from text of the kind that the model learned from.",
        {"layer": layer, "head": head, "head_tab": ELSEWHERE},
    )


def _without(checkpoint: Checkpoint, reading: Reading) -> Stop:
    """Switch off the head of the first layer that matters most."""
    kl = study.kl_without(checkpoint.model, reading.tokens, 0)
    head = kl.index(max(kl))
    return Stop(
        MORE,
        "To see whether the model needs a head, switch it off. Here L0H"
        f"{head} writes only zeros: it is ablated. The grey bars are the model's "
        "prediction with it, the blue ones without. They differ by a KL of "
        f"{number(kl[head], 3)} nats, where 0 would be no difference. Your turn: click "
        "any picture above.",
        {"layer": 0, "head": head, "head_tab": WITHOUT, "head_cut": "zero"},
    )


def _highest(values: ByHead, other: _Head | None = None) -> _Head:
    """Return the head with the highest score, if possible another than one."""
    found = [
        _Head(layer, head, float(score))
        for layer, row in enumerate(values)
        for head, score in enumerate(row)
    ]
    others = [each for each in found if other is None or each.name != other.name]
    return max(others or found, key=lambda each: each.score)
