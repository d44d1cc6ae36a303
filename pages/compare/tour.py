"""Compare's tour: one text read twice, what got better and worse, and what changed."""

import math
from collections.abc import Sequence
from contextlib import suppress

from minigpt.errors import DataError, MinigptError
from pages.compare import numbers, start
from pages.compare.choice import Side
from pages.compare.numbers import Compared
from pages.frame.controls.tour import Stop
from viz.probabilities import probability_text
from viz.tokens import display_piece

TEXT, PIECE, PARTS = "loss_change", "compared_piece", "compared_parts"

Settings = dict[str, object]


def stops(shown: Compared, befores: Sequence[Side]) -> list[Stop]:
    """Write the tour of the text on the screen.

    Args:
        shown: What is compared.
        befores: Other models to compare the chosen one with.
    """
    back = _settings(shown.before)
    found = shown.found
    worst = {"piece": found.worst}
    return [
        _colours(shown),
        _best(shown),
        _worse(shown),
        *_another(shown, befores),
        *_heads(shown, back | worst),
        _weights(shown, back | worst),
        Stop(
            PARTS,
            "A loss is only a number. Here both models continue this text, with the "
            "same random numbers. Read both aloud: can you hear which of them has the "
            "lower loss?",
            {"part": "Samples"},
        ),
        Stop(
            TEXT,
            f"Your turn. “{_piece(shown, found.best)}” is open again. Click any other "
            f"{_noun(shown)}, and see what both models expected there.",
            {"piece": found.best},
        ),
    ]


def _colours(shown: Compared) -> Stop:
    return Stop(
        TEXT,
        f"Two models read the same text: {shown.before.name} and {shown.after.name}. "
        "At each place a model is surprised, a little or a lot; its surprise is called "
        f"the loss. Blue: the second model is less surprised by this {_noun(shown)} "
        "than the first. Orange: it is more surprised.",
        {**_settings(shown.before), "piece": shown.found.worst},
    )


def _best(shown: Compared) -> Stop:
    """Open the piece that gained most, and say what its loss is made of."""
    found = shown.found
    place = found.best
    old, new = (
        float(losses[place]) for losses in (found.before_losses, found.after_losses)
    )
    verb = "fell" if new < old else "rose"
    return Stop(
        PIECE,
        f"“{_piece(shown, place)}” gained most. Before reading it, {shown.before.name} "
        f"gave it a probability of {probability_text(math.exp(-old))}, "
        f"{shown.after.name} {probability_text(math.exp(-new))}. The loss is minus the "
        f"logarithm of that: it {verb} from {old:.2f} to {new:.2f} nats.",
        {"piece": place},
    )


def _worse(shown: Compared) -> Stop:
    """Say what the mean hides."""
    found = shown.found
    place = found.worst
    verb = "falls" if found.mean_change <= 0 else "rises"
    unit = "token" if found.same_tokens else "character"
    some = (
        f"And yet it rises on {found.worse} of {found.compared}"
        if found.worse and found.mean_change <= 0
        else f"It rises on {found.worse} of {found.compared}"
    )
    most = (
        f"most of all on “{_piece(shown, place)}”, by {found.change[place]:.2f}"
        if found.worse
        else "so every one of them got better"
    )
    return Stop(
        TEXT,
        f"On average the loss {verb} by {abs(found.mean_change):.3f} nats per {unit}. "
        f"{some} {_noun(shown)}s, {most}. All predictions share the same weights: "
        "what makes some better can make others worse.",
        {"piece": place},
    )


def _another(shown: Compared, befores: Sequence[Side]) -> list[Stop]:
    """Compare with the first of the other models that reads this text."""
    for other in befores:
        if other.path == shown.before.path:
            continue
        with suppress(DataError):
            found = numbers.text_comparison(
                other.checkpoint, shown.after.checkpoint, shown.text.content
            )
            verb = "falls" if found.mean_change <= 0 else "rises"
            unit = "token" if found.same_tokens else "character"
            return [
                Stop(
                    TEXT,
                    f"Now {other.name} takes the first model’s place. Compared with "
                    f"it, the mean {verb} by {abs(found.mean_change):.3f} nats per "
                    f"{unit}, and the loss rises on {found.worse} of "
                    f"{found.compared}.",
                    {**_settings(other), "piece": found.worst},
                )
            ]
    return []


def _heads(shown: Compared, back: Settings) -> list[Stop]:
    """Say which head attends most differently, where each has its counterpart."""
    try:
        change = numbers.head_change(*shown.checkpoints, shown.text.content)
    except MinigptError:
        return []
    layer, head = divmod(int(change.argmax()), change.shape[1])
    return [
        Stop(
            PARTS,
            f"What is different inside {shown.before.name} and {shown.after.name}? "
            "Each cell is a head. 0 means that it attends to this text in the same "
            "way in both, 1 that the two ways have nothing in common. "
            f"L{layer}H{head} differs most: {change[layer, head]:.3f}.",
            {**back, "part": "Heads", "layer": layer, "head": head},
        )
    ]


def _weights(shown: Compared, back: Settings) -> Stop:
    """Say which matrix moved most."""
    change = numbers.weights(*(each.model for each in shown.checkpoints))
    moved = [
        (value, name)
        for name, value in zip(change.names, change.relative.tolist(), strict=True)
        if value == value
    ]
    value, name = max(moved, default=(0.0, ""))
    most = (
        f"{name} moved furthest, by {value:.2f} times its own size."
        if moved
        else "But these two models have no matrix of the same shape."
    )
    return Stop(
        PARTS,
        "A model is made of matrices of numbers, its weights. Here is how far each of "
        f"them moved from the first model to the second. {most} A large move need not "
        "matter: only the losses tell.",
        {**back, "part": "Weights"},
    )


def _settings(side: Side) -> Settings:
    """Return the session state that compares with a model."""
    place = start.place_of(side, 0)
    return {key: place[key] for key in ("against", "against_step") if key in place}


def _noun(shown: Compared) -> str:
    return "token" if shown.found.same_tokens else "piece"


def _piece(shown: Compared, place: int) -> str:
    return display_piece(shown.found.pieces[place])
