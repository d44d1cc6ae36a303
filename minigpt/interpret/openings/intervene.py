"""Where ablating one head changes the prediction, and takes another head's habit."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.corpora import Windows, held_out_windows
from minigpt.interpret.heads.repeated_tokens import (
    familiar_tokens,
    repeated_tokens,
    scores_on,
)
from minigpt.interpret.heads.scores import HABITS, HeadScores
from minigpt.interpret.interventions.interventions import Ablation, fwd_hooks
from minigpt.interpret.interventions.parts import Head
from minigpt.interpret.interventions.sweep import ablate_each_head
from minigpt.interpret.openings.opening import (
    Opening,
    held_out_prompts,
    transformer_of,
)
from minigpt.model import TransformerLM

LONGEST = 64
"""Tokens of the windows from which the random tokens are drawn."""
CANDIDATES = 8
"""Heads, of those that change a prediction most, whose side effects are measured."""
MOST_RUNS = 200
"""Ablations of one head on one prompt; a model of more heads reads fewer prompts."""


class _Moved(NamedTuple):
    """How far ablating a head moves the prompt that needs it most."""

    kl: float
    prompt: str
    token: int
    head: Head


@dataclass(frozen=True, kw_only=True)
class Loss(Opening):
    """A head whose ablation is felt by another one, further up."""

    other: Head
    habit: str
    """What the other head loses: a key of `HABITS`."""

    @property
    def ablated(self) -> Head:
        """The head to ablate."""
        return Head(self.layer, self.head)


def intervene_opening(checkpoint: Checkpoint) -> Loss | None:
    """Search the head whose ablation moves a prediction and another head most.

    Effects: `kl` [nats], how far the prompt's next token moves; `before` and `after`,
    the weight that another head gives its habit on random tokens said twice, with and
    without the ablated head; `drop`, the first minus the second. The place with the
    largest min(kl, 1) · drop wins.

    Returns:
        The prompt and the head; None where a model has no second layer, or no prompt.
    """
    model = transformer_of(checkpoint)
    count = model.config.num_layers * model.config.num_heads
    prompts = held_out_prompts(checkpoint, count=max(2, min(12, MOST_RUNS // count)))
    moved = list(_moved(model, list(prompts)))
    moved.sort(key=lambda each: -each.kl)
    repeated = _random_tokens(checkpoint)
    # One window tells the candidates apart; only the best is measured on all.
    one, few = repeated[:1], moved[:CANDIDATES]
    whole = scores_on(model, one)
    drops = {each: _losing(model, one, whole, each).effects["drop"] for each in few}
    best = max(few, key=lambda each: min(each.kl, 1.0) * drops[each], default=None)
    if best is None:
        return None
    return _losing(model, repeated, scores_on(model, repeated), best)


def _moved(
    model: TransformerLM, prompts: list[tuple[str, list[int]]]
) -> Iterator[_Moved]:
    """Yield, for each head below the last layer, the prompt that needs it most."""
    layers = range(model.config.num_layers - 1)
    if not layers or not prompts:
        return
    kls = np.stack(
        [
            ablate_each_head(model, np.array([tokens]), layers=layers).last_kl
            for _, tokens in prompts
        ]
    )
    for layer, head in np.ndindex(kls.shape[1:]):
        best = int(kls[:, layer, head].argmax())
        prompt, tokens = prompts[best]
        kl = float(kls[best, layer, head])
        yield _Moved(kl, prompt, len(tokens) - 1, Head(layer, head))


def _losing(
    model: TransformerLM, repeated: Windows, whole: HeadScores, moved: _Moved
) -> Loss:
    """Measure which later head loses most of a habit, on some random tokens."""
    ablated = moved.head
    with model.hooks(fwd_hooks(model, [Ablation(ablated)])):
        without = scores_on(model, repeated)
    first = ablated.layer + 1
    before, after = (
        np.nan_to_num(each.as_array()[: len(HABITS), first:])
        for each in (whole, without)
    )
    drop = before - after
    habit, layer, head = map(int, np.unravel_index(int(drop.argmax()), drop.shape))
    cell = habit, layer, head
    effects = {
        "kl": moved.kl,
        "before": float(before[cell]),
        "after": float(after[cell]),
        "drop": float(drop[cell]),
    }
    return Loss(
        moved.prompt,
        ablated.layer,
        ablated.head,
        moved.token,
        effects,
        other=Head(first + layer, head),
        habit=list(HABITS)[habit],
    )


def _random_tokens(checkpoint: Checkpoint) -> Windows:
    model, tokenizer, metadata = checkpoint
    longest = model.config.max_seq_len
    windows = held_out_windows(metadata, tokenizer, min(LONGEST, longest))
    return repeated_tokens(familiar_tokens(tokenizer, windows), longest)
