"""Neurons' tour: one that does much, what it promotes, when it fires, what it costs."""

from typing import NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.interventions.interventions import Ablation, How
from minigpt.interpret.interventions.parts import Neuron
from minigpt.interpret.reading.prompt import Reading
from pages.frame.controls.tour import Stop
from pages.frame.words import number, quoted
from pages.intervene import neurons, numbers
from pages.intervene.neurons import FIRES, GRID, HOW, PROMOTES, WITHOUT, Ranking
from viz.probabilities import probability_text

ZERO, MEAN = HOW

OF_EACH = 2
"""Neurons of each layer of which it is counted how often they fire."""


class _Told(NamedTuple):
    """What the stops speak of."""

    checkpoint: Checkpoint
    reading: Reading
    ranking: Ranking

    @property
    def most(self) -> Neuron:
        """The neuron that does most for or against the likeliest token."""
        return self.ranking.strongest

    @property
    def answer(self) -> str:
        return self.name(self.ranking.token)

    def name(self, token: int) -> str:
        return quoted(self.checkpoint.tokenizer.piece(token))

    def share(self, neuron: Neuron) -> float:
        """Return what a neuron of the table adds to the likeliest token's logit."""
        place = self.ranking.offered(neuron.layer).index(neuron.neuron)
        return float(self.ranking.layers[neuron.layer].shares[place])

    def firing(self, neuron: Neuron) -> float:
        return neurons.fires(self.checkpoint, neuron)[1].firing

    def probability(self, *how: How) -> str:
        """Return the answer's probability, with the neuron replaced or as it is."""
        made = [Ablation(self.most, each) for each in how]
        effect = numbers.effect(self.checkpoint, self.reading.tokens, made)
        return probability_text(effect.after[self.ranking.token])


def stops(checkpoint: Checkpoint, reading: Reading) -> list[Stop]:
    """Write the tour of one prompt.

    Args:
        checkpoint: A model with MLPs.
        reading: The prompt, as it reads it.
    """
    told = _Told(checkpoint, reading, neurons.rank(checkpoint, reading.tokens))
    others = [
        Neuron(layer, neuron)
        for layer in range(len(told.ranking.layers))
        for neuron in told.ranking.offered(layer)[:OF_EACH]
        if Neuron(layer, neuron) != told.most
    ]
    return [*_found(told, others[0]), *_fires(told, others), *_without(told, others[0])]


def _place(neuron: Neuron) -> dict[str, object]:
    return {"neuron_layer": neuron.layer, "neuron": neuron.neuron}


def _found(told: _Told, first: Neuron) -> list[Stop]:
    """Find the neuron that does most, and read its output weights."""
    config = told.checkpoint.model.config
    count = config.num_layers * config.mlp_width
    order = (-neurons.promoted(told.checkpoint.model, told.most)).argsort(kind="stable")
    best, worst = (told.name(int(order[place])) for place in (0, -1))
    adds = told.share(told.most)
    return [
        Stop(
            GRID,
            f"The MLPs of this model have {count:,} neurons. Each is one number at "
            f"each token. The model expects {told.answer} here, and these do most for "
            f"it, or against it: a row for each layer. {first} changes its logit by "
            f"{number(told.share(first))}.",
            {"intervene": "Neurons", **_place(first), "neuron_off": ZERO},
        ),
        Stop(
            PROMOTES,
            f"Of all {count:,}, {told.most} does most: {number(adds)} logits for "
            f"{told.answer}. But what does it do in general? Its output weights say "
            f"which tokens it makes likelier whenever it fires: {best} most of all, "
            f"and {worst} least.",
            _place(told.most),
        ),
    ]


def _fires(told: _Told, others: list[Neuron]) -> list[Stop]:
    """Look at one that fires often, and at one that fires rarely."""
    ranked = sorted(others, key=told.firing)
    seldom, often = ranked[0], ranked[-1]
    tokens = neurons.fires(told.checkpoint, seldom)[0].windows.size
    return [
        Stop(
            FIRES,
            f"When does a neuron fire? {often} does so at "
            f"{100 * told.firing(often):.1f}% of {tokens:,} tokens of held-out text. "
            "A neuron's strongest examples often look alike. Compare them with the "
            "other tenths, and with tokens drawn at random, before you say what it "
            "stands for.",
            _place(often),
        ),
        Stop(
            FIRES,
            f"Of those in the table's first columns, {seldom} fires least: at "
            f"{100 * told.firing(seldom):.1f}% of the tokens. Can you say what its "
            "examples have in common? And do the random ones have it, too?",
            _place(seldom),
        ),
    ]


def _without(told: _Told, first: Neuron) -> list[Stop]:
    """Switch off the neuron that does most, and hold it at its mean."""
    loss = [
        numbers.mean_loss(told.checkpoint, made)
        for made in ((), (Ablation(told.most),))
    ]
    return [
        Stop(
            WITHOUT,
            f"Back to {told.most}, which did most. Is it needed? Set to zero, it "
            f"leaves {told.answer} a probability of {told.probability('zero')}; it was "
            f"{told.probability()}. The loss over held-out text goes from "
            f"{loss[0]:.4f} to {loss[1]:.4f} nats per token.",
            _place(told.most),
        ),
        Stop(
            WITHOUT,
            "Zero may be a value that this neuron seldom has. Here it is held at its "
            "mean over held-out text instead: it says nothing about this prompt, but "
            f"nothing strange either. {told.answer} has {told.probability('mean')}.",
            {"neuron_off": MEAN},
        ),
        Stop(
            GRID,
            f"Your turn: click through the table. Is there a single neuron without "
            f"which the model no longer says {told.answer}?",
            {**_place(first), "neuron_off": ZERO},
        ),
    ]
