"""The Head explorer's questions, graded by the model of this moment."""

import random
from collections.abc import Iterator, Mapping, Sequence

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.null_band import NullBand
from minigpt.interpret.heads.scores import (
    FEWEST_QUERIES,
    HABITS,
    ByHead,
    HeadScores,
    shown_habits,
    single_keys,
)
from minigpt.interpret.reading.prompt import Reading
from pages.frame import corpora
from pages.frame.questions import Question
from pages.frame.reading import Place, read_other
from pages.frame.words import plain
from pages.head_explorer import study
from pages.head_explorer.texts import Text, texts
from viz.tokens import placed_pieces

CLEAR = 0.02
"""Weights closer than this make no fair question."""

CHANGE = 0.1
"""A score that moves by more than this is another habit."""

MISSES = 6
"""Layers without a clear answer in a row, after which no more are ablated."""

OPTIONS = 4
"""Answers to choose among."""


def elsewhere(
    checkpoint: Checkpoint, reading: Reading, place: Place
) -> Iterator[Question]:
    """Ask what becomes of a head's strongest habit on random tokens.

    Args:
        checkpoint: The model.
        reading: The prompt.
        place: The head on the screen; others follow, then those of other prompts.
    """
    there = study.on_random_tokens(checkpoint, with_band=False).scores
    for text in texts(checkpoint, reading):
        scores = text.scores(checkpoint)
        for layer, head in _from(place, text):
            for name in list(shown_habits(scores, layer, head))[:1]:
                found = _of_change(text, scores, there, (layer, head, name))
                if found is not None:
                    yield found


def most(checkpoint: Checkpoint, reading: Reading) -> Iterator[Question]:
    """Ask which of some heads has most of one habit, as the bars show it."""
    for text in texts(checkpoint, reading):
        scores = text.scores(checkpoint)
        for name, what in HABITS.items():
            if scores.queries.get(name, 0) < FEWEST_QUERIES:
                continue
            weights = _by_name(getattr(scores, name))
            options = _spread(weights)
            if len(options) < 2:
                continue
            best = max(weights, key=weights.__getitem__)
            yield Question(
                "head_explorer.most",
                f"{text.where}Which of these heads puts most of its weight on {what}?",
                options,
                options.index(best),
                f"{best} puts {weights[best]:.3f} there, on average.",
                text.at(grid_score=name),
            )


def checks(
    checkpoint: Checkpoint, reading: Reading, place: Place
) -> list[Iterator[Question]]:
    """Ask at the end of the lesson: what a habit means, and what it does not."""
    asked = [reads(checkpoint, reading), band(checkpoint, reading, place)]
    if study.is_quick(checkpoint.model.config):
        asked.append(cost(checkpoint, reading, place))
    return asked


def recall(checkpoint: Checkpoint) -> list[Iterator[Question]]:
    """Ask what can be worked out without the figures."""
    prompts = corpora.other_prompts(checkpoint)
    if not prompts:
        return []
    named, _ = prompts[0]
    reading = read_other(checkpoint, named)
    place = Place(0, 0, len(reading.pieces) - 1)
    return [
        reads(checkpoint, reading, named=named),
        band(checkpoint, reading, place, told=True),
    ]


def reads(
    checkpoint: Checkpoint, reading: Reading, named: str | None = None
) -> Iterator[Question]:
    """Ask which token a head of one pure habit reads; the prompt alone decides.

    Args:
        checkpoint: The model, for other prompts.
        reading: The prompt.
        named: The prompt's words, where it is not on the screen.
    """
    for text in texts(checkpoint, reading):
        shown = text if text.prompt or not named else Text(reading, named)
        names = placed_pieces(shown.reading.pieces)
        keys_of = single_keys(shown.reading.tokens)
        for habit, query in _clear_habits(keys_of):
            keys = keys_of[query]
            options = sorted(set(keys.values()))
            yield Question(
                "head_explorer.reads",
                f"{shown.where}A head reads {HABITS[habit]}, and nothing else. Which "
                f"token does **{plain(names[query])}** read?",
                [names[key] for key in options],
                options.index(keys[habit]),
                f"At position {query}, that is {plain(names[keys[habit]])}.",
                shown.at(token=query),
            )


def band(
    checkpoint: Checkpoint, reading: Reading, place: Place, *, told: bool = False
) -> Iterator[Question]:
    """Ask whether a habit is more than untrained heads have.

    Args:
        checkpoint: The model.
        reading: The prompt.
        place: The head on the screen.
        told: Whether the question says what untrained heads score.
    """
    for text in texts(checkpoint, reading):
        scores = text.scores(checkpoint)
        null = study.quick_band(checkpoint.model.config, text.reading.tokens)
        if null is None:
            continue
        for layer, head in _from(place, text):
            for name in shown_habits(scores, layer, head):
                found = _of_band(text, scores, null, (layer, head, name), told)
                if found is not None:
                    yield found


def cost(checkpoint: Checkpoint, reading: Reading, place: Place) -> Iterator[Question]:
    """Ask which head of a layer the prediction after a prompt depends on most."""
    misses = 0
    for text in texts(checkpoint, reading):
        layers = sorted({layer for layer, _ in text.heads()})
        layers.sort(key=lambda layer: layer != place.layer)
        for layer in layers:
            found = study.kl_without(checkpoint.model, text.reading.tokens, layer)
            costs = _by_name([found], layer)
            order = sorted(costs, key=costs.__getitem__, reverse=True)
            if len(order) < 2 or costs[order[0]] < 1.2 * costs[order[1]] + 0.001:
                misses += 1
                if misses == MISSES:
                    return
                continue
            misses, best = 0, order[0]
            options = sorted(order[:: max(1, len(order) // OPTIONS)][:OPTIONS])
            yield Question(
                "head_explorer.cost",
                f"{text.where}Ablate one head of layer {layer} (set what it writes to "
                "zero). Which one changes the prediction after the last token most?",
                options,
                options.index(best),
                f"Without {best} it changes by KL {costs[best]:.3f} nats; without "
                f"{order[1]} by {costs[order[1]]:.3f}.",
                text.at(layer=layer, head_tab="Without it", head_cut="zero"),
            )


def _of_change(
    text: Text, scores: HeadScores, there: HeadScores, what: tuple[int, int, str]
) -> Question | None:
    layer, head, name = what
    own, other = (float(getattr(each, name)[layer, head]) for each in (scores, there))
    change = other - own
    if change != change or abs(abs(change) - CHANGE) < CLEAR:
        return None
    return Question(
        "head_explorer.elsewhere",
        f"{text.where}L{layer}H{head} puts {own:.2f} of its attention weight on "
        f"{HABITS[name]} (mean over {scores.queries[name]} tokens). On random tokens, "
        "said twice, how much does the same head put there?",
        ["Less, by over 0.1", "About as much", "More, by over 0.1"],
        0 if change < -CHANGE else 2 if change > CHANGE else 1,
        f"{own:.3f} on the prompt, {other:.3f} on random tokens.",
        text.at(layer=layer, head=head),
    )


def _of_band(
    text: Text,
    scores: HeadScores,
    null: NullBand,
    what: tuple[int, int, str],
    told: bool,
) -> Question | None:
    layer, head, name = what
    score = float(getattr(scores, name)[layer, head])
    low, high = (float(edge[layer, head]) for edge in null.edges(name))
    if min(abs(score - low), abs(score - high)) < 1e-3:
        return None
    theirs = f" Untrained heads put {low:.3f} to {high:.3f} there." * told
    return Question(
        "head_explorer.band",
        f"{text.where}L{layer}H{head} puts {score:.2f} of its weight on "
        f"{HABITS[name]} (mean over {scores.queries[name]} tokens).{theirs} "
        + ("Did training make it do so?" if told else "What do untrained heads do?"),
        (
            ["Yes: it puts more there than they do", "No", "No: it puts less there"]
            if told
            else ["They put less there", "About as much", "They put more there"]
        ),
        0 if score > high else 2 if score < low else 1,
        f"Theirs lie between {low:.3f} and {high:.3f} on this prompt.",
        text.at(layer=layer, head=head, grid_score=name),
    )


def _clear_habits(keys_of: Sequence[Mapping[str, int]]) -> list[tuple[str, int]]:
    """Return habits and queries with one key, and others to choose; copying first.

    Args:
        keys_of: See `single_keys`.
    """
    found = []
    for query, keys in enumerate(keys_of[3:], 3):
        read = list(keys.values())
        if len(set(read)) >= 3:
            found += [
                (habit, query) for habit, key in keys.items() if read.count(key) == 1
            ]
    random.Random(len(keys_of)).shuffle(found)
    copying = ("induction", "duplicate_token")
    return sorted(found, key=lambda each: each[0] not in copying)


def _from(place: Place, text: Text) -> list[tuple[int, int]]:
    """Return every head; on the prompt of the screen, its own one first."""
    here = (place.layer, place.head)
    if text.prompt is not None:
        return text.heads()
    return [here, *(each for each in text.heads() if each != here)]


def _by_name(
    values: Sequence[Sequence[float]] | ByHead, first: int = 0
) -> dict[str, float]:
    return {
        f"L{layer}H{head}": float(value)
        for layer, row in enumerate(values, first)
        for head, value in enumerate(row)
    }


def _spread(weights: dict[str, float]) -> list[str]:
    """Return the head with most weight and others clearly below it, in order."""
    best = max(weights, key=weights.__getitem__)
    others = [name for name in weights if weights[best] - weights[name] > CLEAR]
    count = OPTIONS - 1
    spread = [others[i * len(others) // count] for i in range(count)] if others else []
    return [name for name in weights if name in {best, *spread}]
