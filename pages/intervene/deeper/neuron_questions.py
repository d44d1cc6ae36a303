"""Predict and Check of the Neurons part: how rare, how telling, how needed is one?"""

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.interventions.interventions import Ablation
from minigpt.interpret.interventions.parts import Neuron
from minigpt.interpret.reading.prompt import Reading
from pages.frame import corpora, state
from pages.frame.questions import Question
from pages.frame.reading import place_in
from pages.frame.words import plain, within
from pages.intervene import neurons, numbers
from viz.tokens import display_piece

BANDS = (0.1, 0.3, 0.5)
"""Shares of all tokens between which a neuron's firing is asked for."""

UNCLEAR = 0.005
"""A share that is so near to a limit is not asked about."""

FELT = 0.01
"""Probability: a change that is smaller hardly counts."""


class _Case(NamedTuple):
    """One neuron that adds much to what one prompt says next."""

    neuron: Neuron
    tokens: list[int]
    token: int
    """The likeliest after the prompt."""
    prompt: str | None
    """None: the one on the screen."""

    def at(self, **more: Any) -> dict[str, Any]:
        place = {"neuron_layer": self.neuron.layer, "neuron": self.neuron.neuron}
        return place_in(self.prompt, intervene="Neurons", **place, **more)


def firing(checkpoint: Checkpoint, reading: Reading) -> Iterator[Question]:
    """Ask at how many tokens of held-out text a neuron fires."""
    low, middle, high = (f"{share:.0%}" for share in BANDS)
    options = (
        f"less than {low}",
        f"{low} to {middle}",
        f"{middle} to {high}",
        f"more than {high}",
    )
    asked = set()
    for case in _cases(checkpoint, reading):
        if case.neuron in asked:
            continue
        asked.add(case.neuron)
        text, found = neurons.fires(checkpoint, case.neuron)
        if min(abs(found.firing - limit) for limit in BANDS) < UNCLEAR:
            continue
        yield Question(
            "intervene.firing",
            f"How often does the neuron {case.neuron} fire? Of "
            f"{text.windows.size:,} tokens of held-out text, at how many is its "
            "activation above 0?",
            options,
            sum(found.firing > limit for limit in BANDS),
            f"It fires at {100 * found.firing:.1f}% of them.",
            case.at(),
        )


def checks(checkpoint: Checkpoint, reading: Reading) -> list[Iterator[Question]]:
    """Return the kinds of questions about neurons."""
    return [_promotes(checkpoint, reading), _without(checkpoint, reading)]


def _cases(checkpoint: Checkpoint, reading: Reading) -> Iterator[_Case]:
    """Yield the neuron on the screen, then those of its table, then of other prompts.

    Of a large model, nothing else: it reads held-out text slowly.
    """
    ranking = neurons.rank(checkpoint, reading.tokens)
    first = _chosen(checkpoint, ranking)
    yield _Case(first, reading.tokens, ranking.token, None)
    if not numbers.is_quick(checkpoint):
        return
    texts = [(None, reading.tokens), *corpora.other_prompts(checkpoint)]
    for prompt, tokens in texts:
        ranking = neurons.rank(checkpoint, tokens)
        layers, places = range(len(ranking.layers)), range(len(ranking.offered(0)))
        for place, layer in product(places, layers):
            neuron = Neuron(layer, ranking.offered(layer)[place])
            if (prompt, neuron) != (None, first):
                yield _Case(neuron, tokens, ranking.token, prompt)


def _chosen(checkpoint: Checkpoint, ranking: neurons.Ranking) -> Neuron:
    """Return the neuron that the page shows or, before the prediction, will show."""
    config, asked = checkpoint.model.config, st.query_params
    layer, number = (
        str(state.get(key, asked.get(key))) for key in ("neuron_layer", "neuron")
    )
    layer = layer if layer.isdecimal() and int(layer) < config.num_layers else ""
    at = int(layer) if layer else ranking.strongest.layer
    if number.isdecimal() and int(number) < config.mlp_width:
        return Neuron(at, int(number))
    return Neuron(at, ranking.offered(at)[0])


def _promotes(checkpoint: Checkpoint, reading: Reading) -> Iterator[Question]:
    """Ask which token a neuron promotes most: it need not be the one it helped."""
    tokenizer = checkpoint.tokenizer
    for case in _cases(checkpoint, reading):
        values = neurons.promoted(checkpoint.model, case.neuron)
        order = (-values).argsort(kind="stable").tolist()
        offered = dict.fromkeys([order[0], case.token, order[2], order[-1], order[-2]])
        pieces = tokenizer.pieces(list(offered))
        options = {
            display_piece(piece): token
            for piece, token in zip(pieces[::-1], reversed(offered), strict=True)
        }
        names = sorted(options)
        answer = display_piece(tokenizer.pieces(order[:1])[0])
        if options[answer] != order[0] or len(names) < 3:
            continue
        yield Question(
            "intervene.promotes",
            f"Which of these tokens do the output weights of {case.neuron} promote "
            "most?",
            names,
            names.index(answer),
            f"“{plain(answer)}” gets {plain(f'{values[order[0]]:+.2f}')}, "
            f"“{plain(_name(checkpoint, case.token))}”, the likeliest next token, "
            f"{plain(f'{values[case.token]:+.2f}')}.",
            case.at(),
        )


def _without(checkpoint: Checkpoint, reading: Reading) -> Iterator[Question]:
    """Ask what switching a neuron off does to the answer that it adds to."""
    for case in _cases(checkpoint, reading):
        effect = numbers.effect(checkpoint, case.tokens, [Ablation(case.neuron)])
        before, after = (float(p[case.token]) for p in (effect.before, effect.after))
        change = after - before
        if FELT / 2 < abs(change) < 2 * FELT:
            continue
        yield Question(
            "intervene.without_neuron",
            f"{within(case.prompt)}Set {case.neuron} to zero. What happens to the "
            f"probability of “{plain(_name(checkpoint, case.token))}”, now "
            f"{before:.3f}?",
            ("it hardly changes (by less than 0.01)", "it falls", "it rises"),
            0 if abs(change) < FELT else 1 if change < 0 else 2,
            f"It goes from {before:.3f} to {after:.3f}.",
            case.at(neuron_off="zero"),
        )


def _name(checkpoint: Checkpoint, token: int) -> str:
    return display_piece(checkpoint.tokenizer.pieces([token])[0])
