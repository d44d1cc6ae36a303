"""Predict and Check of the Steer part: how strongly, where, and the other way."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.effects import Effect
from minigpt.interpret.interventions.steering import stream_hooks
from minigpt.interpret.reading.prompt import Reading
from pages.frame import corpora, state
from pages.frame.questions import Question
from pages.frame.reading import place_in
from pages.frame.words import number, plain, within
from pages.intervene.questions import CLEAR, OPTIONS
from pages.intervene.steer import STRENGTH, STRONGEST, TOKEN, Steered
from viz.tokens import display_piece

STRENGTHS = (STRENGTH, 0.5, 0.15, 0.8)
"""With which it is asked, after the reader's own."""

TRIED = 24
"""Settings without a clear answer, one after the other, before a kind gives up."""

FELT = 0.002
"""Nats: a smaller change of the prediction is not asked about."""

AS_MUCH, MUCH = 2.5, 6.0
"""Times: between them, twice the strength does about four times as much."""


class _Case(NamedTuple):
    """A direction that is added after one prompt, at one place."""

    checkpoint: Checkpoint
    steered: Steered
    tokens: list[int]
    prompt: str | None
    """None: the one on the screen."""
    hook: str

    def effect(self, strength: float) -> Effect:
        return self.steered.effect(self.checkpoint, self.tokens, self.hook, strength)

    def at(self, **more: Any) -> dict[str, Any]:
        return place_in(self.prompt, intervene="Steer", **more)

    def name(self, token: int) -> str:
        return display_piece(self.checkpoint.tokenizer.pieces([token])[0])


def twice(
    checkpoint: Checkpoint, reading: Reading, steered: Steered
) -> Iterator[Question]:
    """Ask what twice the strength does: seldom twice as much."""
    options = (
        "about twice as much, or less",
        "about four times as much",
        "more than six times as much",
    )
    source = (
        "The embedding of the token below"
        if state.get("steer_by") == TOKEN
        else "What the first text below leaves in the stream, minus what the second "
        "leaves,"
    )
    unclear = 0
    for case in _cases(checkpoint, reading, steered):
        for strength in _strengths(steered):
            if unclear > TRIED:
                return
            if 2 * strength > STRONGEST:
                continue
            once, double = (case.effect(each).kl for each in (strength, 2 * strength))
            times = double / once if once >= FELT else AS_MUCH
            if min(abs(times / limit - 1) for limit in (AS_MUCH, MUCH)) < 0.1:
                unclear += 1
                continue
            unclear = 0
            yield Question(
                "intervene.twice",
                f"{within(case.prompt)}{source} is a direction. Added at every token, "
                f"at {_code(case.hook)} with strength {strength:g}, it changes the "
                f"prediction of the next token by KL {once:.3g} nats. How much does it "
                f"change with twice the strength, {2 * strength:g}?",
                options,
                (times > AS_MUCH) + (times > MUCH),
                f"By KL {double:.3g} nats: {times:.1f} times as much. While KL is "
                "small, it grows with the square of the strength.",
                case.at(steer_at=case.hook, strength=2 * strength),
            )


def checks(
    checkpoint: Checkpoint, reading: Reading, steered: Steered
) -> list[Iterator[Question]]:
    """Return the kinds of questions about steering."""
    return [
        _where(checkpoint, reading, steered),
        _other_way(checkpoint, reading, steered),
    ]


def _where(
    checkpoint: Checkpoint, reading: Reading, steered: Steered
) -> Iterator[Question]:
    """Ask where in the model the direction changes the prediction most."""
    hooks, unclear = stream_hooks(checkpoint.model), 0
    for case in _prompts(checkpoint, reading, steered):
        for strength in _strengths(steered):
            if unclear > TRIED:
                return
            kls = {hook: case._replace(hook=hook).effect(strength).kl for hook in hooks}
            ranked = sorted(hooks, key=lambda hook: -kls[hook])
            best, second = (kls[hook] for hook in ranked[:2])
            if best < FELT or best < CLEAR * second:
                unclear += 1
                continue
            unclear = 0
            shown = sorted(ranked[:OPTIONS], key=hooks.index)
            yield Question(
                "intervene.steered_at",
                f"{within(case.prompt)}With strength {strength:g}, at which of these "
                "places of the stream does the direction change the prediction most?",
                shown,
                shown.index(ranked[0]),
                f"There it changes it by KL {best:.3g} nats; next comes "
                f"{_code(ranked[1])} with {second:.3g}.",
                case.at(strength=strength),
            )


def _other_way(
    checkpoint: Checkpoint, reading: Reading, steered: Steered
) -> Iterator[Question]:
    """Ask for the likeliest token with the direction taken away instead of added."""
    for case in _cases(checkpoint, reading, steered):
        for strength in _strengths(steered):
            added, taken = case.effect(strength), case.effect(-strength)
            likeliest = [
                *(-taken.after).argsort(kind="stable")[:2].tolist(),
                int(added.after.argmax()),
                *(-taken.before).argsort(kind="stable")[:3].tolist(),
            ]
            names = {case.name(token): float(taken.after[token]) for token in likeliest}
            options = sorted(list(names)[:OPTIONS])
            if len(options) < 2:
                continue
            answer = max(options, key=lambda name: names[name])
            yield Question(
                "intervene.other_way",
                f"{within(case.prompt)}Take the direction away at {_code(case.hook)}: "
                f"strength {number(-strength, 2)}. What is the likeliest next token "
                "then?",
                options,
                options.index(answer),
                f"“{plain(answer)}” has {names[answer]:.3f}; the prediction changed by "
                f"KL {taken.kl:.3f} nats.",
                case.at(steer_at=case.hook, strength=-strength),
            )


def _prompts(
    checkpoint: Checkpoint, reading: Reading, steered: Steered
) -> Iterator[_Case]:
    """Yield the direction after the prompt on the screen, then after others."""
    yield _Case(checkpoint, steered, reading.tokens, None, steered.hook)
    for prompt, tokens in corpora.other_prompts(checkpoint):
        yield _Case(checkpoint, steered, tokens, prompt, steered.hook)


def _cases(
    checkpoint: Checkpoint, reading: Reading, steered: Steered
) -> Iterator[_Case]:
    """Yield the same at the reader's place, then at every other one."""
    for case in _prompts(checkpoint, reading, steered):
        yield case
        for hook in stream_hooks(checkpoint.model):
            if hook != steered.hook:
                yield case._replace(hook=hook)


def _strengths(steered: Steered) -> list[float]:
    own = [abs(steered.strength)] if steered.strength else []
    return list(dict.fromkeys([*own, *STRENGTHS]))


def _code(hook: str) -> str:
    return f"`{hook}`"
