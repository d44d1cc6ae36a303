"""Attention is not causation: two findings that only ablations can make.

- `find_circuit`: in a model that copies, a head of one layer reads the token before,
  and only with its help a head of a later layer finds what came next last time. Ablate
  the first, and the second, untouched, no longer finds it; ablate another head of the
  first layer, and nothing happens.
- `strongest_habit`: in any model, the head with the most weight on the previous
  token, beside what it costs to ablate it and what the most needed head costs.

Before: `ablation` and `sweep`, which ablate. Next: the Intervene page.

Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"; Olsson
et al. 2022, arXiv:2209.11895; Jain & Wallace 2019, arXiv:1902.10186, for the title.
"""

from dataclasses import dataclass

import numpy as np

from minigpt.interpret.corpora import Windows
from minigpt.interpret.heads.repeated_tokens import scores_on
from minigpt.interpret.heads.scores import ByHead, HeadScores
from minigpt.interpret.interventions.ablation import loss_over, said_before
from minigpt.interpret.interventions.interventions import Ablation, fwd_hooks, record
from minigpt.interpret.interventions.parts import Head
from minigpt.interpret.interventions.sweep import HeadEffects
from minigpt.model import TransformerLM

CLEAR = 0.5
"""Share of the weight from which a habit counts as what a head does."""


@dataclass(frozen=True)
class Circuit:
    """Three heads of a model that copies."""

    previous: Head
    """Reads the token before; stands in an earlier layer than `induction`."""
    control: Head
    """Of the same layer; of its heads the one that reads the token before least."""
    induction: Head
    """Reads what came next last time."""


@dataclass(frozen=True)
class State:
    """What a model, whole or ablated, attends to, and whether it copies."""

    scores: HeadScores
    """On random tokens said twice."""
    loss: float
    """On a corpus, in nats per token."""
    copying_loss: float
    """On its tokens that could be copied; not-a-number if there are none."""


@dataclass(frozen=True)
class Habit:
    """The head with the sharpest pattern, and the one that is needed most."""

    sharpest: Head
    weight: float
    """Its mean weight on the previous token."""
    cost: float
    """What ablating it adds to the loss, in nats per token."""
    needed: Head
    needed_weight: float
    needed_cost: float


def find_circuit(scores: HeadScores) -> Circuit | None:
    """Return a model's previous-token and induction heads, if it has both.

    Args:
        scores: On random tokens said twice, see `repeated_tokens`.
    """
    induction = Head(*_peak(scores.induction))
    earlier = scores.previous_token[: induction.layer]
    if len(earlier) == 0 or earlier.shape[1] < 2:
        return None
    previous = Head(*_peak(earlier))
    control = Head(previous.layer, int(np.nanargmin(earlier[previous.layer])))
    clear = (
        scores.induction[induction.layer, induction.head] >= CLEAR
        and earlier[previous.layer, previous.head] >= CLEAR
    )
    return Circuit(previous, control, induction) if clear else None


def sharpest_head(scores: HeadScores) -> Head:
    """Return the head with the most weight on the previous token."""
    return Head(*_peak(scores.previous_token))


def state_under(
    model: TransformerLM,
    ablations: list[Ablation],
    windows: Windows,
    repeated: Windows,
) -> State:
    """Measure all heads' scores and the loss under some ablations.

    Args:
        model: The model to ablate; it is left as it was.
        ablations: What to change, all at once; none: the model as it is.
        windows: Its own text, for the loss, and for a mean or a resample.
        repeated: Random tokens said twice, for the scores.

    Raises:
        DataError: If the model has no such part.
    """
    losses = loss_over(model, windows, ablations)
    copied = losses[said_before(windows)]
    with model.hooks(fwd_hooks(model, ablations, record(model, ablations, windows))):
        scores = scores_on(model, repeated)
    return State(
        scores, float(losses.mean()), float(copied.mean()) if copied.size else np.nan
    )


def strongest_habit(scores: HeadScores, effects: HeadEffects) -> Habit:
    """Compare the head with the sharpest pattern with the one that is needed most.

    Args:
        scores: Of every head.
        effects: Of ablating each.
    """
    sharpest, needed = sharpest_head(scores), Head(*_peak(effects.loss))
    weights, costs = scores.previous_token, effects.loss
    return Habit(
        sharpest=sharpest,
        weight=float(weights[sharpest.layer, sharpest.head]),
        cost=float(costs[sharpest.layer, sharpest.head]),
        needed=needed,
        needed_weight=float(weights[needed.layer, needed.head]),
        needed_cost=float(costs[needed.layer, needed.head]),
    )


def _peak(scores: ByHead) -> tuple[int, int]:
    """Return the layer and head of the largest score; L0H0 if there is none."""
    known = np.nan_to_num(scores, nan=-np.inf)
    layer, head = np.unravel_index(int(known.argmax()), known.shape)
    return int(layer), int(head)
