"""The Head explorer's questions, graded by the model of this moment."""

from minigpt.interpret.heads.scores import HeadScores
from minigpt.interpret.reading.prompt import Reading
from pages.frame.questions import Question
from pages.frame.reading import Place
from pages.frame.words import plain
from pages.head_explorer.study import Study
from viz.tokens import placed_pieces

KEYS = {
    "previous_token": "the token just before",
    "induction": "what came next last time",
    "duplicate_token": "earlier copies of the token",
    "first_token": "the first token",
    "self_token": "the token itself",
}
"""What a head of each habit reads."""

CLEAR = 0.02
"""Weights closer than this make no fair question."""

CHANGE = 0.1
"""A score that moves by more than this is another habit."""


def most_previous(scores: HeadScores) -> Question | None:
    """Ask which of four heads reads the token just before it most."""
    weights = {
        f"L{layer}H{head}": float(weight)
        for layer, row in enumerate(scores.previous_token)
        for head, weight in enumerate(row)
    }
    best = max(weights, key=weights.__getitem__)
    others = [name for name in weights if weights[best] - weights[name] > CLEAR]
    spread = [others[i * len(others) // 3] for i in range(3)] if others else []
    if not spread:
        return None
    options = [name for name in weights if name in {best, *spread}]
    return Question(
        "head_explorer.previous",
        "On this prompt, which head reads **the token just before** most?",
        options,
        options.index(best),
        f"Its mean attention weight there is {weights[best]:.3f}.",
    )


def strongest_key(reading: Reading, place: Place) -> Question | None:
    """Ask which token the chosen row reads most."""
    row = reading.patterns[place.layer, place.head, place.token, : place.token + 1]
    names = placed_pieces(reading.pieces)
    order = sorted(range(len(row)), key=lambda key: -row[key])
    rivals = [key for key in order[1:] if row[order[0]] - row[key] > CLEAR][:3]
    if len(rivals) < 2:
        return None
    keys = sorted([order[0], *rivals])
    reader = plain(names[place.token])
    return Question(
        "head_explorer.strongest",
        f"Which token does **{reader}** read most, in L{place.layer}H{place.head}?",
        [names[key] for key in keys],
        keys.index(order[0]),
        f"It reads it with weight {row[order[0]]:.3f}.",
    )


def beyond_untrained(study: Study, place: Place) -> Question | None:
    """Ask whether the head's strongest habit is more than untrained heads have."""
    if study.band is None:
        return None
    name, score = _strongest_habit(study.scores, place)
    low, high = (float(e[place.layer, place.head]) for e in study.band.edges(name))
    if score != score or min(abs(score - low), abs(score - high)) < 1e-3:
        return None
    answer = 0 if score > high else 2 if score < low else 1
    return Question(
        "head_explorer.band",
        f"L{place.layer}H{place.head} puts {score:.2f} of its weight on "
        f"{KEYS[name]}. How much do untrained heads put there?",
        ["Less", "About as much", "More"],
        answer,
        f"Theirs lie between {low:.3f} and {high:.3f} on this prompt.",
    )


def elsewhere(here: Study, there: Study, place: Place) -> Question | None:
    """Ask what becomes of the head's strongest habit on random tokens."""
    name, score = _strongest_habit(here.scores, place)
    other = float(getattr(there.scores, name)[place.layer, place.head])
    change = other - score
    if change != change or abs(abs(change) - CHANGE) < CLEAR:
        return None
    return Question(
        "head_explorer.elsewhere",
        f"The same head on random tokens, said twice: how much goes to {KEYS[name]}?",
        ["Less, by over 0.1", "About as much", "More, by over 0.1"],
        0 if change < -CHANGE else 2 if change > CHANGE else 1,
        f"{score:.3f} here, {other:.3f} there.",
    )


def largest_cost(costs: dict[str, float]) -> Question | None:
    """Ask which of a layer's heads the model can spare least.

    Args:
        costs: By head, how much the loss rises without it, in nats.
    """
    order = sorted(costs, key=costs.__getitem__, reverse=True)
    if len(order) < 2 or costs[order[0]] - costs[order[1]] < 0.002:
        return None
    best = order[0]
    return Question(
        "head_explorer.cost",
        "Which of these heads, when ablated, makes the loss on held-out text "
        "rise most?",
        list(costs),
        list(costs).index(best),
        f"Without {best} the loss rises by {costs[best]:.3f} nats per token.",
    )


def _strongest_habit(scores: HeadScores, place: Place) -> tuple[str, float]:
    """Return the habit that takes most weight, and how much."""
    weights = {
        name: float(getattr(scores, name)[place.layer, place.head]) for name in KEYS
    }
    known = {name: weight for name, weight in weights.items() if weight == weight}
    name = max(known, key=known.__getitem__, default="self_token")
    return name, known.get(name, float("nan"))
