"""Predict and Check of Home, answered by the journey on the screen."""

from collections.abc import Sequence

from minigpt.interpret.stream.journey import Journey, JourneyStage
from pages.frame.questions import Question
from pages.frame.words import plain
from viz.tokens import placed_pieces

NAMES = {"embedding": "the embedding", "attention": "attention", "MLP": "the MLP"}


def most_added(found: Journey, pieces: Sequence[str]) -> Question | None:
    """Ask which part adds most to the last road; None where two add about as much."""
    parts = found.stages[1:]
    order = sorted(parts, key=lambda stage: -stage.added[-1])[:4]
    if len(order) < 2 or order[1].added[-1] > 0.97 * order[0].added[-1]:
        return None
    shown = [stage for stage in parts if any(stage is each for each in order)]
    best = order[0]
    last = plain(placed_pieces(pieces)[-1])
    return Question(
        "home.most_added",
        f"Which part adds the longest vector to the row of **{last}**?",
        [_name(stage) for stage in shown],
        next(n for n, stage in enumerate(shown) if stage is best),
        f"{_name(best)} adds a vector of norm {best.added[-1]:.3g}.",
    )


def checks(found: Journey, pieces: Sequence[str]) -> list[Question]:
    """Ask what roads are, and where the prediction stands."""
    questions = [_sum(found), _who_predicts(pieces), most_added(found, pieces)]
    return [question for question in questions if question is not None]


def _sum(found: Journey) -> Question:
    stage, before = found.stages[1], found.stages[0]
    old, added, new = before.stream[-1], stage.added[-1], stage.stream[-1]
    return Question(
        "home.sum",
        f"A residual stream has norm (length) {old:.3g}. A vector of norm "
        f"{added:.3g} is added to it. Must the new norm be {old + added:.3g}?",
        ["yes", "no"],
        1,
        f"Here it is {new:.3g}: vectors add up, but their norms do so only when "
        "both point in the same direction.",
    )


def _who_predicts(pieces: Sequence[str]) -> Question | None:
    """Ask which road says what comes next; None where there is only one."""
    if len(pieces) < 2:
        return None
    names = placed_pieces(pieces)
    shown = list(dict.fromkeys([0, len(names) // 2, len(names) - 1]))
    return Question(
        "home.who_predicts",
        "At the end of which row is the token that would be appended?",
        [names[place] for place in shown],
        len(shown) - 1,
        "The other rows guess a token that is already in the prompt. That is "
        "useful in training, where every position makes a prediction.",
    )


def _name(stage: JourneyStage) -> str:
    first, last = stage.layers
    if stage.kind == "blocks":
        return f"block {first}" if first == last else f"blocks {first}–{last}"
    return f"{NAMES[stage.kind]} of block {first}"
