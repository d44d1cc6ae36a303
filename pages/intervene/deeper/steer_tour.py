"""Steer's tour: a direction is added, harder, the other way, elsewhere, in a text."""

from typing import NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.effects import Effect
from minigpt.interpret.interventions.steering import stream_hooks
from minigpt.interpret.reading.prompt import Reading
from pages.frame import state
from pages.frame.controls.tour import Stop
from pages.frame.words import number, quoted
from pages.intervene.steer import (
    NEXT,
    SETTINGS,
    STRENGTH,
    STRONGEST,
    TEXTS,
    TOKEN,
    Steered,
    middle,
)
from viz.probabilities import probability_text


class _Told(NamedTuple):
    """What the stops speak of."""

    checkpoint: Checkpoint
    reading: Reading
    steered: Steered

    @property
    def middle(self) -> str:
        return middle(self.checkpoint.model)

    @property
    def answer(self) -> int:
        return int(self.effect(0.0).before.argmax())

    def effect(self, strength: float, hook: str | None = None) -> Effect:
        hook = self.middle if hook is None else hook
        tokens = self.reading.tokens
        return self.steered.effect(self.checkpoint, tokens, hook, strength)

    def name(self, token: int) -> str:
        return quoted(self.checkpoint.tokenizer.piece(token))

    def left(self, strength: float, hook: str | None = None) -> str:
        """Say what the answer's probability is, and which token is likeliest."""
        after = self.effect(strength, hook).after
        now = int(after.argmax())
        words = f"{self.name(self.answer)} has {probability_text(after[self.answer])}"
        if now == self.answer:
            return f"{words}."
        return f"{words}; {self.name(now)} is likelier now."


def stops(checkpoint: Checkpoint, reading: Reading, steered: Steered) -> list[Stop]:
    """Write the tour of one prompt and one direction.

    Args:
        checkpoint: The model that is steered.
        reading: The prompt, as it reads it.
        steered: The direction that is chosen.
    """
    told = _Told(checkpoint, reading, steered)
    return [*_added(told), *_turned_up(told), _elsewhere(told), *_written(told)]


def _added(told: _Told) -> list[Stop]:
    """Add the direction to a prediction that was not changed before."""
    source = (
        "Here it is the embedding of one token."
        if state.get("steer_by") == TOKEN
        else "Here it is the mean of the stream over one text, minus its mean over "
        "another: what the first has, and the second has not."
    )
    return [
        Stop(
            NEXT,
            f"After this prompt the model expects {told.name(told.answer)}, with "
            f"probability {probability_text(told.effect(0.0).before[told.answer])}. On "
            "the way there, each token is a vector that is passed on from layer to "
            "layer: the residual stream. Can it be pushed, so that the model says "
            "something else?",
            {"intervene": "Steer", "steer_at": told.middle, "strength": 0.0},
        ),
        Stop(
            SETTINGS,
            f"To push it, you need a direction. {source} Halfway up the model, it was "
            f"just added at every token, made {STRENGTH} times as long as the stream "
            f"there. This is called steering. Now {told.left(STRENGTH)}",
            {"strength": STRENGTH},
        ),
    ]


def _turned_up(told: _Told) -> list[Stop]:
    """Add it twice as strongly, then the other way."""
    once, twice = (told.effect(times * STRENGTH).kl for times in (1, 2))
    return [
        Stop(
            NEXT,
            f"Twice as strong. Before, the prediction had changed by KL {once:.3g} "
            f"nats, and now it is {twice:.3g}. While changes are small, twice the "
            "strength gives four times the KL; later layers can make it more, or "
            f"less. {told.left(2 * STRENGTH)}",
            {"strength": 2 * STRENGTH},
        ),
        Stop(
            NEXT,
            "A strength below 0 takes the direction away instead: "
            f"{number(-STRENGTH, 1)}. This need not be the opposite of adding it. "
            f"{told.left(-STRENGTH)} The prediction changed by KL "
            f"{told.effect(-STRENGTH).kl:.3g} nats.",
            {"strength": -STRENGTH},
        ),
    ]


def _elsewhere(told: _Told) -> Stop:
    """Add it where, of all other places, it does most."""
    others = [
        hook for hook in stream_hooks(told.checkpoint.model) if hook != told.middle
    ]
    kls = {hook: told.effect(STRENGTH, hook).kl for hook in others}
    best = max(others, key=kls.__getitem__)
    return Stop(
        NEXT,
        "The place counts, too. Of all other places in the stream, this direction does "
        f"most at {best}: added there with {STRENGTH}, it changes the prediction by KL "
        f"{kls[best]:.3g} nats. Halfway up it was {told.effect(STRENGTH).kl:.3g}.",
        {"steer_at": best, "strength": STRENGTH},
    )


def _written(told: _Told) -> list[Stop]:
    """Let it write, gently steered and then too hard."""
    return [
        Stop(
            TEXTS,
            "One token may not tell much. So the model goes on writing, once as it is "
            "and once steered. Both texts use the same random numbers: they are the "
            "same until the probabilities differ enough. The line above them says "
            "when they part.",
            {"steer_at": told.middle},
        ),
        Stop(
            TEXTS,
            f"Now too hard: {STRONGEST:g} times as long as the stream itself. The "
            f"prediction changes by KL {told.effect(STRONGEST).kl:.3g} nats, and the "
            "model meets vectors that it never met in training. Your turn: find a "
            "strength with which the text changes its subject, and stays a text.",
            {"strength": STRONGEST},
        ),
    ]
