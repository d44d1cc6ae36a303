"""What is measured of one pair of prompts: patches, attribution, or the logit lens.

Everything is about one number, after the last token of a prompt:

    d = logit(answer) − logit(rival)

- **patches**: one value is carried from one prompt into the other; how far does d move?
- **attribution**: d as a sum of what each part of the model adds;
- **lens**: what d would be if the model stopped after each layer.

Each is measured with the clean prompt and with the corrupted one, side by side.

Before: `alignment`. Next: `averages`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from minigpt.interpret.interventions.patching import CARRIED, Prompts, patch_map
from minigpt.interpret.pairs.alignment import Pair
from minigpt.interpret.stream.attribution import LogitPart, attribute
from minigpt.interpret.stream.logit_lens import Point, lens_column, lens_points
from minigpt.model import TransformerLM

ATTRIBUTION, LENS = "attribution", "lens"

MEASURES: Final = (*CARRIED, ATTRIBUTION, LENS)
"""Patches of each kind, attribution, and the lens."""

SIDES: Final = ("clean", "corrupted")
"""Which prompt is run. Into the clean one, corrupted values are patched, and clean
values into the corrupted one."""


@dataclass(frozen=True)
class PairNumbers:
    """One measure of one pair. Both sides are signed so that the way is the same."""

    values: Float[np.ndarray, "side row column"]
    """In logits. Patches: how far each moves d towards the other prompt's, by layer and
    place. Attribution: each part's share of d. Lens: d at each point."""
    ways: Float[np.ndarray, " side"]
    """What the values are divided by: for patches d(clean) − d(corrupted), else 1."""
    differences: Float[np.ndarray, " side"]
    """d after each prompt, without a patch."""

    @classmethod
    def stacked(cls, layers: "Sequence[PairNumbers]") -> "PairNumbers":
        """Join what was measured some layers at a time."""
        values = np.concatenate([some.values for some in layers], axis=1)
        return cls(values, layers[0].ways, layers[0].differences)


def measure_pair(
    model: TransformerLM,
    pair: Pair,
    measure: str,
    layers: Sequence[int] | None = None,
) -> PairNumbers:
    """Measure one pair, with each of its prompts.

    Args:
        model: In evaluation mode; it is left as it was.
        pair: Two aligned prompts.
        measure: One of `MEASURES`.
        layers: Which layers are patched (none: all); for patches only.

    Raises:
        DataError: If the model has no such values.
    """
    if measure in CARRIED:
        return _patches(model, pair.prompts, measure, layers)
    found, differences = (_shares if measure == ATTRIBUTION else _lens)(
        model, pair.prompts
    )
    return PairNumbers(found[:, None], np.ones(len(SIDES)), differences)


def parts_of(model: TransformerLM, pair: Pair) -> list[LogitPart]:
    """Return what d is the sum of: the columns of attribution."""
    prompts = pair.prompts
    last = len(prompts.other) - 1
    found = attribute(model, list(prompts.other), last, prompts.answer, prompts.rival)
    return found.parts


def points_of(model: TransformerLM) -> list[Point]:
    """Return where the lens is held: its columns."""
    return lens_points(model)


def _patches(
    model: TransformerLM, prompts: Prompts, what: str, layers: Sequence[int] | None
) -> PairNumbers:
    """Patch every place in turn, corrupted into clean and clean into corrupted."""
    swapped = Prompts(prompts.other, prompts.run, prompts.answer, prompts.rival)
    into_clean = patch_map(model, swapped, what, layers)
    into_corrupted = patch_map(model, prompts, what, layers)
    clean, corrupted = into_clean.run_difference, into_clean.other_difference
    way = clean - corrupted
    values = np.stack([into_clean.moved, into_corrupted.moved]) * way
    return PairNumbers(values, np.array([way, way]), np.array([clean, corrupted]))


Found = tuple[Float[np.ndarray, "side column"], Float[np.ndarray, " side"]]
"""The numbers of both prompts, and d after each."""


def _shares(model: TransformerLM, prompts: Prompts) -> Found:
    """Split d into what each part adds."""
    last = len(prompts.run) - 1
    both = [
        attribute(model, list(text), last, prompts.answer, prompts.rival)
        for text in (prompts.other, prompts.run)
    ]
    shares = np.stack([each.shares for each in both]).astype(np.float64)
    return shares, np.array([each.logit for each in both])


def _lens(model: TransformerLM, prompts: Prompts) -> Found:
    """Read d at every point of the stream; at the last it is the model's own."""
    last = len(prompts.run) - 1
    logits = np.stack(
        [
            lens_column(model, list(text), last).logits.astype(np.float64)
            for text in (prompts.other, prompts.run)
        ]
    )
    found = logits[..., prompts.answer] - logits[..., prompts.rival]
    return found, found[:, -1]
