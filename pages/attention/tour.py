"""The tour of "Attention, step by step": one row of the sheet, from above to below."""

import math

from minigpt.interpret.heads.attention_editing import unscaled_pattern
from minigpt.interpret.heads.attention_steps import AttentionSteps
from minigpt.interpret.reading.prompt import Reading
from pages.attention.numbers import ROOT, row_id
from pages.frame.controls.tour import Stop
from pages.frame.reading import Place
from pages.frame.words import number, quoted

SHEET, EDIT = "attention_sheet", "attention_edit"

CLEAR = 0.01
"""A weight that changes by less than this has hardly changed."""


def stops(reading: Reading, place: Place, steps: AttentionSteps) -> list[Stop]:
    """Write the tour of the row on the screen.

    Args:
        reading: The prompt, as the model reads it.
        place: The head, and the token that reads.
        steps: Its row.
    """
    middle = place._replace(token=(place.token + 1) // 2)
    return [
        *_lists(reading, place, steps),
        *_scores(reading, place, steps),
        _masked(reading, middle),
        *_weights(reading, place, steps),
        _without_root(reading, place, steps),
        Stop(
            SHEET,
            "Your turn. Click a token above the sheet to let it look back, or a cell "
            "to see how its number was computed.",
            {"left_out": []},
        ),
    ]


def _lists(reading: Reading, place: Place, steps: AttentionSteps) -> list[Stop]:
    """Say what a token brings along."""
    asks, best = _name(reading, place.token), int(steps.pattern.argmax())
    return [
        Stop(
            SHEET,
            f"The model has read up to {asks} and must guess what comes next. {asks} "
            "alone says little, so it may look back at the tokens before it. Each "
            "column here is one of them, and each row is one step of the arithmetic. "
            "(A dot stands for a space.)",
            _opened(reading, place, ("k", place.token)) | {"left_out": []},
        ),
        Stop(
            SHEET,
            f"{asks} carries a list of {len(steps.q)} numbers that says what it looks "
            "for. Every token has a list that says what it can be found by, and one "
            "that it passes on if it is found. The coloured cells are these numbers: "
            "blue above zero, orange below. The three lists are called query, key and "
            "value.",
            _opened(reading, place, ("k", best)),
        ),
    ]


def _scores(reading: Reading, place: Place, steps: AttentionSteps) -> list[Stop]:
    """Say how well two tokens fit together."""
    best, width = int(steps.pattern.argmax()), len(steps.q)
    return [
        Stop(
            SHEET,
            f"Do {_name(reading, place.token)} and {_name(reading, best)} fit "
            "together? Multiply what one looks for by what the other can be found by, "
            f"number by number, and add it all up: {number(steps.raw[best])}. This "
            "sum, written q · k, is the row that just appeared.",
            _opened(reading, place, ("raw", best)),
        ),
        Stop(
            SHEET,
            f"A sum of {width} products easily becomes large. Dividing it by √{width}, "
            f"which is {math.sqrt(width):.2f}, keeps one token from drowning out all "
            f"others: {number(steps.scaled[best])} is left. The result is called the "
            "score.",
            _opened(reading, place, ("scaled", best)),
        ),
    ]


def _weights(reading: Reading, place: Place, steps: AttentionSteps) -> list[Stop]:
    """Say how scores become weights, and weights an average."""
    asks, best = _name(reading, place.token), int(steps.pattern.argmax())
    return [
        Stop(
            SHEET,
            f"Back to {asks}. Its scores become shares that add up to 1, by a "
            f"formula called softmax. {_name(reading, best)} gets the largest share: "
            f"{steps.pattern[best]:.3f}. These shares are the attention weights.",
            {"token": place.token} | _opened(reading, place, ("pattern", best)),
        ),
        Stop(
            SHEET,
            "Now every token passes on its value, but only as much of it as its weight "
            "allows. Together this makes a weighted average of the values, and that "
            f"average is what this head tells {asks}.",
            _opened(reading, place, ("v", best)),
        ),
    ]


def _without_root(reading: Reading, place: Place, steps: AttentionSteps) -> Stop:
    """Leave out the division, and say what becomes of the largest weight."""
    before, after = float(steps.pattern.max()), float(unscaled_pattern(steps).max())
    change = f"the largest weight goes from {before:.3f} to {after:.3f}"
    if abs(after - before) < CLEAR:
        change = f"in this row the largest weight hardly changes from {before:.3f}"
    return Stop(
        EDIT,
        "Here you can leave a step out and see what the model then predicts. The "
        f"division by the root has just been left out: {change}.",
        {"left_out": [ROOT]}
        | _opened(reading, place, ("pattern", int(steps.pattern.argmax()))),
    )


def _masked(reading: Reading, place: Place) -> Stop:
    """Let an earlier token ask: some tokens come after it."""
    later = len(reading.pieces) - place.token - 1
    hidden = "one token comes" if later == 1 else f"{later} tokens come"
    return Stop(
        SHEET,
        f"Here {_name(reading, place.token)} looks back instead, and {hidden} after "
        "it. A model that learns to predict must not see what comes next, so the "
        "later columns are blocked. This is called the mask.",
        {"token": place.token} | _opened(reading, place, ("scores", place.token)),
    )


def _opened(reading: Reading, place: Place, cell: tuple[str, int]) -> dict[str, object]:
    """Return the setting that opens a cell of a row, and steps there."""
    return {"_opened_cell": (row_id(reading, place), cell)}


def _name(reading: Reading, token: int) -> str:
    return quoted(reading.pieces[token])
