"""Where ablating one head changes the prediction, and takes another head's habit."""

from collections.abc import Iterator
from dataclasses import dataclass

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
    moved = list(_moved(model, list(held_out_prompts(checkpoint))))
    moved.sort(key=lambda each: -each[0])
    repeated = _random_tokens(checkpoint)
    whole = scores_on(model, repeated)
    found = [_losing(model, repeated, whole, each) for each in moved[:CANDIDATES]]
    return max(
        found,
        key=lambda each: min(each.effects["kl"], 1.0) * each.effects["drop"],
        default=None,
    )


def _moved(
    model: TransformerLM, prompts: list[tuple[str, list[int]]]
) -> Iterator[tuple[float, str, int, Head]]:
    """Yield, for each head below the last layer, the prompt that needs it most."""
    layers = range(model.config.num_layers - 1)
    if not layers or not prompts:
        return
    kls = np.stack(
        [
            ablate_each_head(model, [tokens], layers=layers).last_kl
            for _, tokens in prompts
        ]
    )
    for layer, head in np.ndindex(kls.shape[1:]):
        best = int(kls[:, layer, head].argmax())
        prompt, tokens = prompts[best]
        place = Head(layer, head)
        yield float(kls[best, layer, head]), prompt, len(tokens) - 1, place


def _losing(
    model: TransformerLM,
    repeated: Windows,
    whole: HeadScores,
    moved: tuple[float, str, int, Head],
) -> Loss:
    """Measure which later head loses most of a habit."""
    kl, prompt, token, ablated = moved
    with model.hooks(fwd_hooks(model, [Ablation(ablated)])):
        without = scores_on(model, repeated)
    first = ablated.layer + 1
    before, after = (
        np.nan_to_num(each.as_array()[: len(HABITS), first:])
        for each in (whole, without)
    )
    habit, layer, head = map(
        int, np.unravel_index(int((before - after).argmax()), before.shape)
    )
    cell = habit, layer, head
    numbers = float(before[cell]), float(after[cell])
    effects = {
        "kl": kl,
        "before": numbers[0],
        "after": numbers[1],
        "drop": numbers[0] - numbers[1],
    }
    return Loss(
        prompt,
        ablated.layer,
        ablated.head,
        token,
        effects,
        other=Head(first + layer, head),
        habit=list(HABITS)[habit],
    )


def _random_tokens(checkpoint: Checkpoint) -> Windows:
    model, tokenizer, metadata = checkpoint
    longest = model.config.max_seq_len
    windows = held_out_windows(metadata, tokenizer, min(LONGEST, longest))
    return repeated_tokens(familiar_tokens(tokenizer, windows), longest)
