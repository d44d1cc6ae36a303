"""Predict and Check of the Patch part: where the difference between two prompts is."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.interventions.patching import (
    Prompts,
    distinguishing_tokens,
    same_length,
)
from minigpt.interpret.interventions.prompt_pairs import PromptPair
from pages.frame.questions import Question
from pages.frame.words import plain, told_apart
from pages.intervene import numbers
from pages.intervene.prompts import Patching, token_name
from viz.effects import paired_pieces

CLEAR = 1.2
"""The largest share must be this many times the next, or there is no clear answer."""

OPTIONS = 4


class Case(NamedTuple):
    """Two prompts that can be asked about."""

    patching: Patching
    pair: PromptPair | None = None
    """None: the ones on the screen."""

    @property
    def where(self) -> str:
        """How a question about it begins. Markdown."""
        if self.pair is None:
            return ""
        clean, corrupted = map(plain, (self.pair.clean, self.pair.corrupted))
        return f"Clean: “{clean}”; corrupted: “{corrupted}”. "

    def at(self, checkpoint: Checkpoint, part: str = "Patch") -> dict[str, Any]:
        """Return the session state that shows it under a part of the page."""
        if self.pair is None:
            return {"intervene": part}
        prompts = self.patching.prompts
        return {
            "intervene": part,
            "clean": self.pair.clean,
            "corrupted": self.pair.corrupted,
            "answer": token_name(checkpoint, prompts.answer),
            "rival": token_name(checkpoint, prompts.rival),
            "reverse": False,
        }

    def moved(self, checkpoint: Checkpoint, what: str, layer: int) -> list[float]:
        """Return how far every patch of one kind in one layer moves the answer."""
        found = numbers.patches_of_layer(
            checkpoint.model, self.patching.prompts, what, [layer]
        )
        return [float(share) for share in found.moved[0]]


def where(checkpoint: Checkpoint, patching: Patching) -> Iterator[Question]:
    """Ask at which token a layer's stream carries the difference."""
    for case in cases(checkpoint, patching):
        for layer in reversed(range(checkpoint.model.config.num_layers)):
            names = case.patching.names
            moved = [
                abs(share) for share in case.moved(checkpoint, "residual stream", layer)
            ]
            ranked = sorted(range(len(moved)), key=lambda n: -moved[n])
            if len(names) < 2 or moved[ranked[0]] < CLEAR * moved[ranked[1]]:
                continue
            step = max(1, (len(names) - 1) // (OPTIONS - 1))
            shown = sorted([ranked[0], *ranked[1::step][: OPTIONS - 1]])
            yield Question(
                "intervene.where",
                f"{case.where}Just before layer {layer}, at which token does the "
                "residual stream carry most of the difference between the prompts?",
                [names[place] for place in shown],
                shown.index(ranked[0]),
                f"That one patch moves the answer {moved[ranked[0]]:.2f} of the way.",
                case.at(checkpoint),
            )


def strongest_z(checkpoint: Checkpoint, patching: Patching) -> Iterator[Question]:
    """Ask which head's z moves the answer farthest, of a layer."""
    for case in cases(checkpoint, patching):
        for layer in reversed(range(checkpoint.model.config.num_layers)):
            moved = [abs(share) for share in case.moved(checkpoint, "z", layer)]
            order = sorted(range(len(moved)), key=lambda n: -moved[n])
            if len(order) < 2 or moved[order[0]] < CLEAR * moved[order[1]]:
                continue
            heads = sorted(order[:OPTIONS])
            yield Question(
                "intervene.strongest_z",
                f"{case.where}Which head of layer {layer} moves the answer farthest "
                "if its z alone is patched?",
                [f"L{layer}H{head}" for head in heads],
                heads.index(order[0]),
                f"It moves it {moved[order[0]]:.2f} of the way.",
                {**case.at(checkpoint), "carry_head": "z"},
            )


def checks(checkpoint: Checkpoint, patching: Patching) -> list[Iterator[Question]]:
    """Return the kinds of questions about patching."""
    return [_before_layer_0(checkpoint, patching), _share(checkpoint, patching)]


def recall(checkpoint: Checkpoint) -> list[Iterator[Question]]:
    """Ask about other prompts what can be worked out without the map."""
    pair = next(iter(numbers.other_pairs(checkpoint)), None)
    if pair is None:
        return []
    patching = read(checkpoint, pair)
    return [
        _before_layer_0(checkpoint, patching, pair),
        _share(checkpoint, patching, pair),
    ]


def cases(
    checkpoint: Checkpoint, patching: Patching, pair: PromptPair | None = None
) -> Iterator[Case]:
    """Yield what can be asked about: a pair of prompts, then others.

    Args:
        checkpoint: The chosen model.
        patching: The pair that comes first.
        pair: Its texts; None: it is the one on the screen.
    """
    yield Case(patching, pair)
    for each in numbers.other_pairs(checkpoint):
        if each != pair:
            yield Case(read(checkpoint, each), each)


def read(checkpoint: Checkpoint, pair: PromptPair) -> Patching:
    """Return what a pair of prompts is patched with, where nobody chose."""
    tokenizer = checkpoint.tokenizer
    clean, corrupted = same_length(tokenizer, pair.clean, pair.corrupted)
    both = numbers.both_predictions(checkpoint.model, clean, corrupted)
    prompts = Prompts(corrupted, clean, *distinguishing_tokens(both))
    names = paired_pieces(*(tokenizer.pieces(ids) for ids in (clean, corrupted)))
    return Patching(prompts, names, reverse=False)


def _before_layer_0(
    checkpoint: Checkpoint, patching: Patching, pair: PromptPair | None = None
) -> Iterator[Question]:
    """Ask what one token's embedding moves: all, if it is the one that differs."""
    for number, case in enumerate(cases(checkpoint, patching, pair)):
        moved = case.moved(checkpoint, "residual stream", 0)
        names = case.patching.names
        changed = [n for n, name in enumerate(names) if "|" in name]
        same = [n for n in range(len(names)) if n not in changed]
        kept = [same[(-1 - number) % len(same)]] if same else []
        for place in [*kept, *changed] if number % 2 == 0 else [*changed, *kept]:
            share = moved[place]
            nearest = min(range(3), key=lambda half: abs(half / 2 - share))
            if abs(nearest / 2 - share) > 0.2:
                continue
            yield Question(
                "intervene.unchanged",
                f"{case.where}Patch the residual stream at "
                f"**{plain(case.patching.names[place])}**, before layer 0 and nowhere "
                "else. How far does that move the answer?",
                ("Not at all", "Half of the way", "All the way"),
                nearest,
                f"It moves it {share:.2f} of the way: before layer 0, a token's stream "
                "holds only that token itself.",
                case.at(checkpoint),
            )


def _share(
    checkpoint: Checkpoint, patching: Patching, pair: PromptPair | None = None
) -> Iterator[Question]:
    """Ask for a share that is computed from three differences of logits."""
    for case in cases(checkpoint, patching, pair):
        for layer in reversed(range(checkpoint.model.config.num_layers)):
            found = numbers.patches_of_layer(
                checkpoint.model, case.patching.prompts, "residual stream", [layer]
            )
            start, end = found.run_difference, found.other_difference
            # The clearest first: neither nothing nor all.
            shares = sorted(found.moved[0].tolist(), key=lambda each: abs(each - 0.4))
            for right in shares:
                patched = start + right * (end - start)
                values = sorted({right, 1 - right, patched / end, patched})
                if len(values) < OPTIONS or abs(right) < 0.02:
                    continue
                yield Question(
                    "intervene.share",
                    f"{case.where}Logit of the answer minus logit of its rival: "
                    f"{plain(f'{start:.3f}')} in the run, {plain(f'{end:.3f}')} after "
                    f"the other prompt, {plain(f'{patched:.3f}')} in the run with one "
                    f"patch in layer {layer}. What share of the way did the patch move "
                    "the answer?",
                    told_apart(values),
                    values.index(right),
                    f"It moved {plain(f'{patched - start:.3f}')} of "
                    f"{plain(f'{end - start:.3f}')} logits.",
                    case.at(checkpoint),
                )
