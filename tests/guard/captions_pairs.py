"""What Many prompts prints, worked out apart from it: each pair by hooks of our own."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from guard.captions import Number, claims, constant
from guard.deeper import gap_of
from guard.printed import Below
from guard.seen import Seen, cache_of, logits_of, softmax

from minigpt.checkpoint import load_checkpoint
from minigpt.interpret.pairs.held_out_pairs import held_out_pairs

constant("intervene", "^What one prompt shows may be chance", 95, 95, 0)
constant("intervene", "its 95% interval\\.$", 95)
constant("intervene", "^Vertical lines: the 95% interval", 95)

COUNT = 20
"""Pairs that the page draws where nobody chose."""


class OwnPair:
    """A pair of held-out text, and the tokens that tell its prompts apart."""

    def __init__(self, model: Any, clean: list[int], corrupted: list[int]) -> None:
        self.model, self.texts = model, (clean, corrupted)
        one, other = (softmax(logits_of(model, text)[-1]) for text in self.texts)
        self.tokens = int((other - one).argmin()), int((other - one).argmax())
        self.gaps = [gap_of(logits_of(model, text), self.tokens) for text in self.texts]

    def moved(self, layer: int, head: int, side: int = 1) -> float:
        """How far a head's z of the other prompt moves the gap after one, in logits.

        Both ways are counted towards the other prompt's gap; 1: the corrupted is run.
        """
        run, other = self.texts[side], self.texts[1 - side]
        name = f"blocks.{layer}.attn.hook_z"
        there = torch.from_numpy(cache_of(self.model, other)[name])

        def put(value, hook):
            value = value.clone()
            value[0, :, head] = there[:, head].to(value.dtype)
            return value

        patched = gap_of(logits_of(self.model, run, [(name, put)]), self.tokens)
        return (patched - self.gaps[side]) * (1 if side else -1)

    def along(self, side: int) -> list[float]:
        """The gap at every point of the stream after one prompt."""
        found = cache_of(self.model, self.texts[side])
        names = ["blocks.0.hook_resid_pre"]
        for layer in range(self.model.config.num_layers):
            names += [f"blocks.{layer}.hook_resid_{part}" for part in ("mid", "post")]
        streams = [
            torch.from_numpy(found[name][-1:]) for name in names if name in found
        ]
        dtype = next(self.model.parameters()).dtype
        with torch.inference_mode():
            norm, read = self.model.ln_final, self.model.unembed
            logits = [read(norm(stream.to(dtype)[None]))[0] for stream in streams]
        return [gap_of(each.double().numpy(), self.tokens) for each in logits]


@cache
def _pairs(path: Path) -> list[OwnPair]:
    checkpoint = load_checkpoint(path)
    encode = checkpoint.tokenizer.encode
    found = [
        OwnPair(checkpoint.model, encode(row.clean), encode(row.corrupted))
        for row in held_out_pairs(checkpoint, COUNT)
    ]
    return [pair for pair in found if abs(pair.gaps[0] - pair.gaps[1]) >= 1e-4]


def pairs(seen: Seen) -> list[OwnPair]:
    return _pairs(seen.path)


def interval(values: np.ndarray, ways: np.ndarray) -> tuple[float, float]:
    """Draw the pairs anew a thousand times, as the page says that it does."""
    count = len(values)
    share = np.full(count, 1 / count)
    drawn = np.random.default_rng(0).multinomial(count, share, size=1000)
    low, high = np.quantile((drawn @ values) / (drawn @ ways), [0.025, 0.975])
    return float(low), float(high)


def strongest(seen: Seen) -> tuple[np.ndarray, np.ndarray, int]:
    """Return what the strongest head moves in each pair, the ways, and how often most.

    That is: in how many pairs no other head moves the gap farther.
    """
    config = seen.config
    found = {
        (layer, head): np.array([pair.moved(layer, head) for pair in pairs(seen)])
        for layer in range(config.num_layers)
        for head in range(config.num_heads)
    }
    best = max(found, key=lambda head: abs(found[head].sum()))
    (told,) = (
        each.value for each in seen.app.markdown if "moves the diff" in each.value
    )
    assert "**L{}H{}** from the clean".format(*best) in told
    farthest = np.max([abs(moved) for moved in found.values()], axis=0)
    led = int((abs(found[best]) == farthest).sum())
    ways = np.array([pair.gaps[0] - pair.gaps[1] for pair in pairs(seen)])
    return found[best], ways, led


@claims("intervene", ", patching the z of ")
def told(seen: Seen, nth: int) -> tuple[Number, ...]:
    moved, ways, led = strongest(seen)
    mean = moved.sum() / ways.sum()
    return (len(ways), mean, 95, *interval(moved, ways), led, len(ways))


@claims("intervene", "^mean\\(")
def mean(seen: Seen, nth: int) -> tuple[Number, ...]:
    if "lens" in seen.app.session_state["_recipes"]:
        gaps, at = lines(seen)
        return (gaps[0, :, at].mean(),)
    moved, ways, _ = strongest(seen)
    return (moved.sum() / ways.sum(),)


@claims("intervene", "^mean = Σ_pair")
def arithmetic(seen: Seen, nth: int) -> tuple[Number, ...]:
    if "lens" in seen.app.session_state["_recipes"]:
        gaps, at = lines(seen)
        return (*summed(gaps[0, :, at]), len(pairs(seen)), gaps[0, :, at].mean())
    moved, ways, _ = strongest(seen)
    return (*summed(moved), *summed(ways), moved.sum() / ways.sum())


def summed(values: np.ndarray) -> tuple[Number, ...]:
    """A long sum as it is spelled: three terms, how many more, and their sum."""
    order = np.argsort(-np.abs(values), kind="stable")
    rest = values[order[3:]].sum()
    return (
        *values[order[:3]],
        len(values) - 3,
        rest if abs(rest) > 1e-3 else Below(2e-3),
    )


@claims("intervene", ": the model prefers the answer after ")
def right(seen: Seen, nth: int) -> tuple[Number, ...]:
    gaps = np.array([pair.gaps for pair in pairs(seen)])
    count = len(gaps)
    answers, rivals = (gaps[:, 0] > 0).sum(), (gaps[:, 1] < 0).sum()
    return (count, answers, count, rivals, count, *gaps.mean(0))


@claims("intervene", "\\*\\*: the \\d+ largest$")
def largest(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (min(8, seen.config.num_layers * seen.config.num_heads),)


def lines(seen: Seen) -> tuple[np.ndarray, int]:
    """Return every pair's gap along the stream, and where the prompts come apart."""
    gaps = np.array([[pair.along(side) for pair in pairs(seen)] for side in (0, 1)])
    clean, corrupted = gaps.mean(1)
    wrong = np.flatnonzero((clean <= 0) | (corrupted >= 0))
    last = len(clean) - 1
    at = int(wrong[-1]) + 1 if wrong.size else 0
    return gaps, min(at, last)


@claims("intervene", "There the difference is ")
def apart(seen: Seen, nth: int) -> tuple[Number, ...]:
    gaps, at = lines(seen)
    ones = np.ones(len(pairs(seen)))
    ends = [(side[:, at].mean(), 95, *interval(side[:, at], ones)) for side in gaps]
    return (len(ones), *ends[0], *ends[1])
