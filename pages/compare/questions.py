"""Predict and Check of the Compare page, answered by the two models on the screen."""

import math

from minigpt.interpret.differences.comparison import TextComparison
from pages.compare.choice import Side
from pages.frame.questions import Question
from pages.frame.words import plain
from viz.tokens import placed_pieces

SHARES = ("none", "under ¼", "¼ to ½", "over ½")


def worse_share(before: Side, after: Side, found: TextComparison) -> Question:
    """Ask, before anything is shown, how many pieces got worse."""
    share = found.worse / found.compared
    answer = 0 if not found.worse else 1 + (share >= 0.25) + (share > 0.5)
    return Question(
        "compare.worse",
        f"From {plain(before.name)} to {plain(after.name)}: on how many of the "
        f"{found.compared} pieces of this text does the loss rise?",
        SHARES,
        int(answer),
        f"On {found.worse} of {found.compared} it got worse, and the mean changed "
        f"by {found.mean_change:+.3f} nats.",
    )


def checks(found: TextComparison) -> list[Question]:
    """Ask what the numbers of this text come to."""
    questions = [_direction(found), _largest(found), _removed(found)]
    return [question for question in questions if question is not None]


def _direction(found: TextComparison) -> Question:
    place = found.worst if found.worse else found.best
    change = float(found.change[place])
    factor = math.exp(-change)
    options = ["higher", "lower", "the same"]
    answer = 0 if change < 0 else 1 if change > 0 else 2
    return Question(
        "compare.direction",
        f"The loss on **{plain(placed_pieces(found.pieces)[place])}** changes by "
        f"{change:+.3f} nats. Its probability is now …",
        options,
        answer,
        f"Loss is −ln p: e^{-change:.3f} = {factor:.3g} times the probability.",
    )


def _largest(found: TextComparison) -> Question | None:
    """Ask which piece changed most; None without a clear answer."""
    order = found.most_changed(4)
    if found.compared < 3:
        return None
    first, second = (abs(float(found.change[place])) for place in order[:2])
    if first - second < 0.02:
        return None
    names = placed_pieces(found.pieces)
    shown = sorted(order)
    best = order[0]
    return Question(
        "compare.largest",
        "On which piece does the loss change most, up or down?",
        [names[place] for place in shown],
        shown.index(best),
        f"{plain(names[best])} changes by {found.change[best]:+.3f} nats.",
    )


def _removed(found: TextComparison) -> Question | None:
    """Ask what the mean would do without the piece that gained most."""
    if found.compared < 3:
        return None
    rest = found.mean_change_without(found.best)
    if abs(rest) < 0.005:
        return None
    return Question(
        "compare.removed",
        "Leave out the piece whose loss fell most. Does the mean loss of the "
        "others fall?",
        ["yes", "no"],
        0 if rest < 0 else 1,
        f"Without it the mean changes by {rest:+.3f} nats per piece.",
    )
