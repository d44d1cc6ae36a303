"""How a model reads words that are said twice: surprised at first, and then no more.

The first time, every word is news and costs about ln(vocabulary) nats. The second time,
a model that looks back can copy. So the two halves of one window, read by the same
weights, tell whether a model has learned to copy; and the scores of its heads tell who
does it.

Source: Olsson et al. 2022, arXiv:2209.11895, "in-context learning score" and prefix
matching on repeated random tokens.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from minigpt.interpret.heads.scores import HeadScores, average, head_scores
from minigpt.interpret.interventions.ablation import token_losses
from minigpt.model import TransformerLM


@dataclass(frozen=True)
class Repetition:
    """What a model makes of words that are said twice."""

    first_loss: float
    """Mean over the words said for the first time, in nats per token."""
    second_loss: float
    """The same for the second time, from the second word on: that the first one would
    come again could not be known."""
    scores: HeadScores
    """Every head's habits, averaged over the windows."""

    @property
    def induction(self) -> float:
        """The highest induction score of any head, from 0 to 1."""
        return float(np.nanmax(self.scores.induction))

    @property
    def previous_token(self) -> float:
        """The highest previous-token score of any head, from 0 to 1."""
        return float(np.nanmax(self.scores.previous_token))


@torch.inference_mode()
def read_repetition(
    model: TransformerLM, windows: Int[Tensor, "window pos"]
) -> Repetition:
    """Run a model on windows whose second half repeats the first.

    Args:
        model: The model. Hooks set by `model.hooks` apply, so a head may be ablated.
        windows: What `RepeatedWords.said_twice` makes: a beginning, n words, and the
            first of them again.
    """
    windows = windows.to(model.device)
    period = windows.shape[1] // 2
    logits, cache = model.run_with_cache(windows, "*.attn.hook_pattern")
    losses = token_losses(logits, windows)
    patterns = torch.stack(list(cache.values()), dim=1).float().cpu().numpy()
    scores = [
        head_scores(heads, tokens)
        for heads, tokens in zip(patterns, windows.tolist(), strict=True)
    ]
    return Repetition(
        first_loss=losses[:, :period].mean().item(),
        second_loss=losses[:, period + 1 :].mean().item(),
        scores=average(scores),
    )
