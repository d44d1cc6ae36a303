"""Predict and Check of the Ablate part, and what the lesson asks again later."""

import random
from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import Any, NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.interventions.interventions import Ablation, How
from minigpt.interpret.interventions.parts import MLP, Attention, Head
from minigpt.interpret.reading.prompt import Reading
from pages.frame import corpora
from pages.frame.questions import Question
from pages.frame.reading import place_in
from pages.frame.words import plain, within
from pages.intervene import numbers, patch_questions
from pages.intervene.side_effects import SCORES
from pages.intervene.sweep import BECOMES, WAYS
from viz.tokens import display_piece

OPTIONS = 4
"""Answers to choose among."""

CLEAR = 1.2
"""The largest number must be this many times the next, or there is no clear answer."""

TRIED = 12
"""Pairs of parts, or prompts, without a clear answer before a kind gives up."""

FELT = 0.02
"""Nats: an ablation that changes a prediction by less is not asked about."""


class Text(NamedTuple):
    """A prompt that can be asked about."""

    tokens: list[int]
    prompt: str | None = None
    """None: the one on the screen."""

    @property
    def where(self) -> str:
        """How a question about another prompt begins. Markdown."""
        return within(self.prompt)

    def at(self, **place: Any) -> dict[str, Any]:
        """Return the session state that shows it under the Ablate part."""
        return place_in(self.prompt, intervene="Ablate", **place)


def which_head(checkpoint: Checkpoint, reading: Reading) -> Iterator[Question]:
    """Ask which head's ablation changes a prediction most, of all or of a layer."""
    for text in _texts(checkpoint, reading):
        costs = costs_of(checkpoint, text.tokens)
        for layer in (None, *range(checkpoint.model.config.num_layers)):
            start = "" if layer is None else f"L{layer}H"
            some = {name: costs[name] for name in costs if name.startswith(start)}
            ranked = sorted(some, key=lambda name: -some[name])
            if len(ranked) < 2 or some[ranked[0]] < CLEAR * some[ranked[1]]:
                continue
            options = sorted(spread(ranked))
            of_layer = "" if layer is None else f" of layer {layer}"
            yield Question(
                "intervene.which_head",
                f"{text.where}Which head{of_layer}, set to zero, changes the "
                "prediction of the next token most?",
                options,
                options.index(ranked[0]),
                f"{ranked[0]} changes it by KL {some[ranked[0]]:.3f} nats; {ranked[1]} "
                f"comes next with {some[ranked[1]]:.3f}.",
                text.at(),
            )


def next_token(checkpoint: Checkpoint, reading: Reading) -> Iterator[Question]:
    """Ask what a model predicts without a head, once it can be tried."""
    for text in _texts(checkpoint, reading):
        costs = costs_of(checkpoint, text.tokens)
        for head in sorted(costs, key=lambda name: -costs[name])[:3]:
            found = _next_token(checkpoint, text, head)
            if found is not None:
                yield found


def checks(checkpoint: Checkpoint, reading: Reading) -> list[Iterator[Question]]:
    """Return the kinds of questions about ablating."""
    return [_side_effect(checkpoint), _mean(checkpoint, reading), _pair(checkpoint)]


def recall(checkpoint: Checkpoint) -> list[Iterator[Question]]:
    """Ask what can be worked out without the figures."""
    return patch_questions.recall(checkpoint)


def costs_of(checkpoint: Checkpoint, tokens: list[int]) -> dict[str, float]:
    """Return what ablating each head does to a prompt; of a large model, layer 0's."""
    layers = range(checkpoint.model.config.num_layers)
    if not numbers.is_quick(checkpoint):
        layers = layers[:1]
    return by_name(numbers.heads_on_prompt(checkpoint, tokens, layers).last_kl)


def by_name(values: Sequence[Sequence[float]] | Any) -> dict[str, float]:
    """Return a number for each head, by its name."""
    return {
        f"L{layer}H{head}": float(value)
        for layer, row in enumerate(values)
        for head, value in enumerate(row)
    }


def spread(ranked: Sequence[str]) -> list[str]:
    """Return the first of a ranking and some others, evenly spaced."""
    step = max(1, (len(ranked) - 1) // (OPTIONS - 1))
    return [ranked[0], *ranked[1::step][: OPTIONS - 1]]


def _texts(checkpoint: Checkpoint, reading: Reading) -> Iterator[Text]:
    yield Text(reading.tokens)
    for prompt, tokens in corpora.other_prompts(checkpoint):
        yield Text(tokens, prompt)


def _next_token(checkpoint: Checkpoint, text: Text, head: str) -> Question | None:
    effect = numbers.effect(checkpoint, text.tokens, [_ablation(head)])
    tokens = [
        *(-effect.after).argsort(kind="stable")[:2].tolist(),
        *(-effect.before).argsort(kind="stable")[:3].tolist(),
    ]
    pieces: dict[str, float] = {}
    for token in tokens:
        piece = display_piece(checkpoint.tokenizer.pieces([token])[0])
        pieces[piece] = max(pieces.get(piece, 0.0), float(effect.after[token]))
    options = sorted(list(pieces)[:OPTIONS])
    if len(options) < 2:
        return None
    answer = max(options, key=lambda piece: pieces[piece])
    return Question(
        "intervene.next_token",
        f"{text.where}Set {head} to zero. What is the likeliest next token then?",
        options,
        options.index(answer),
        f"“{plain(answer)}” has {pieces[answer]:.3f}; the prediction changed by KL "
        f"{effect.kl:.3f} nats.",
        text.at(cut=[f"{head} zero"]),
    )


def _side_effect(checkpoint: Checkpoint) -> Iterator[Question]:
    """Ask whether ablating one head changes what another one reads."""
    config = checkpoint.model.config
    heads = list(product(range(config.num_layers), range(config.num_heads)))
    pairs = [pair for pair in product(heads, heads) if pair[0] != pair[1]]
    random.Random(len(pairs)).shuffle(pairs)
    first = ((config.num_layers - 1, 0), (0, 0))
    for (ablated, watched), label in product([first, *pairs], SCORES):
        found = _changed(checkpoint, Head(*ablated), Head(*watched), label)
        if found is not None:
            yield found


def _changed(
    checkpoint: Checkpoint, ablated: Head, watched: Head, label: str
) -> Question | None:
    whole = numbers.scores_under(checkpoint, ())
    without = numbers.scores_under(checkpoint, [Ablation(ablated)])
    before, after = (
        float(getattr(each, SCORES[label])[watched.layer, watched.head])
        for each in (whole, without)
    )
    change = abs(after - before)
    if not (change < 1e-6 or 1e-3 < change < 0.09 or change > 0.11):
        return None
    return Question(
        "intervene.side_effect",
        f"Set {ablated} to zero. How much does the {label} score of {watched} change, "
        "on random tokens said twice?",
        ("Not at all", "By less than 0.1", "By more than 0.1"),
        0 if change < 1e-6 else 1 if change < 0.1 else 2,
        f"It goes from {before:.3f} to {after:.3f}. A head can only change what is "
        "computed after it, in later layers.",
        {"intervene": "Ablate", "cut": [f"{ablated} zero"], "cut_score": label},
    )


def _mean(checkpoint: Checkpoint, reading: Reading) -> Iterator[Question]:
    """Ask whether a head's mean is a milder ablation than zero."""
    is_felt = False
    for number, text in enumerate(_texts(checkpoint, reading)):
        costs = costs_of(checkpoint, text.tokens)
        is_felt |= max(costs.values()) >= FELT
        if number > 2 and not is_felt:
            return  # an untrained model feels nothing, on any prompt
        for head in sorted(costs, key=lambda name: -costs[name]):
            if costs[head] < FELT:
                break
            effect = numbers.effect(checkpoint, text.tokens, [_ablation(head, "mean")])
            share = effect.kl / costs[head]
            if abs(share - 1) < 0.1 or abs(share - 0.5) < 0.05:
                continue
            yield Question(
                "intervene.mean",
                f"{text.where}{head}, set to zero, changes the prediction by KL "
                f"{costs[head]:.3f} nats. How much does it change if the head is set "
                "to its mean over held-out text instead?",
                ["Less than half as much", "More than half as much", "Even more"],
                0 if share < 0.5 else 1 if share < 1 else 2,
                f"KL {effect.kl:.3f} nats.",
                text.at(cut=[f"{head} mean"]),
            )


def _pair(checkpoint: Checkpoint) -> Iterator[Question]:
    """Ask whether two parts can stand in for each other."""
    config = checkpoint.model.config
    layers = range(config.num_layers)
    parts: list[Head | MLP | Attention] = [
        Head(layer, head) for layer in layers for head in range(config.num_heads)
    ]
    parts += [MLP(layer) for layer in layers if config.mlp_width]
    parts += [Attention(layer) for layer in layers]
    unclear = 0
    for how, (one, other) in product(WAYS, combinations(parts, 2)):
        if unclear >= TRIED:
            return
        if isinstance(other, Attention) and one.layer == other.layer:
            continue  # a head is part of its layer's attention
        first, second = (Ablation(part, WAYS[how]) for part in (one, other))
        found = numbers.pair_effect(checkpoint, first, second)
        if abs(found.interaction) < 0.005:
            unclear += 1
            continue
        unclear = 0
        yield Question(
            "intervene.pair",
            f"Ablate {one} and {other} together (each is {BECOMES[how]}). The loss "
            "over held-out text then rises by …",
            ("less than with each alone, added", "more than with each alone, added"),
            1 if found.interaction > 0 else 0,
            f"{plain(f'{found.first:+.3f}')} and {plain(f'{found.second:+.3f}')} "
            f"alone, {plain(f'{found.both:+.3f}')} together.",
            {"intervene": "Ablate", "cut": [str(first), str(second)]},
        )


def _ablation(head: str, how: How = "zero") -> Ablation:
    layer, number = head[1:].split("H")
    return Ablation(Head(int(layer), int(number)), how)
