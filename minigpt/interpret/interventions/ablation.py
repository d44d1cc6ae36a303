"""What an ablation does: to the next token, and to the loss over a corpus.

A pattern shows where a head reads; only ablating the head shows what it is for.

Before: `interventions`, which say what to ablate. Next: `patching`, which carries
values from one text into another.

Source: Olsson et al. 2022, arXiv:2209.11895, for ablating each head in turn; Wang et
al. 2022, arXiv:2211.00593, for the mean over other texts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from minigpt.generation.window import Window
from minigpt.interpret.corpora import Windows
from minigpt.interpret.effects import Effect, compare_logits
from minigpt.interpret.interventions.interventions import (
    Ablation,
    as_windows,
    fwd_hooks,
    record,
)
from minigpt.interpret.interventions.parts import Edge, Token
from minigpt.model import TransformerLM

MOST_LOGITS = 2**23
"""Logits of one forward pass: 32 MB, small enough to stay quick."""


@torch.inference_mode()
def measure(
    model: TransformerLM,
    tokens: Sequence[int],
    ablations: Sequence[Ablation],
    reference: Windows | None = None,
    position: int = -1,
    recorded: Mapping[str, Tensor] | None = None,
) -> Effect:
    """Return what ablations do to the prediction of the next token.

    Args:
        model: The model to ablate; it is left as it was.
        tokens: The text it reads.
        ablations: What to change, all at once.
        reference: Other texts, for the mean or a resample: the mean is over all their
            positions; a resample takes the values of the second text (the first is
            where this text stands).
        position: After which token the prediction is made.
        recorded: What `record` has returned for the reference, if it was asked already.

    Raises:
        DataError: If the model has no such part, or an ablation needs a reference.
    """
    ids = torch.tensor([list(tokens)], device=model.device)
    if recorded is None:
        recorded = record(model, ablations, reference)
    before = model(ids)[0, position]
    after = model.run_with_hooks(ids, fwd_hooks(model, ablations, recorded))[
        0, position
    ]
    return compare_logits(before, after)


@torch.inference_mode()
def loss_over(
    model: TransformerLM,
    windows: Windows,
    ablations: Sequence[Ablation] = (),
    reference: Windows | None = None,
) -> Float[np.ndarray, "window label"]:
    """Return the loss of every token of a corpus under ablations.

    Args:
        model: The model to ablate; it is left as it was.
        windows: The corpus.
        ablations: What to change, all at once; none: the model as it is.
        reference: For the mean or a resample (none: the corpus itself; each window
            then takes the values of the next).

    Returns:
        Nats; label i is the window's token i + 1.

    Raises:
        DataError: If the model has no such part.
    """
    texts = as_windows(model, windows)
    recorded = record(model, ablations, windows if reference is None else reference)
    rows = max(1, MOST_LOGITS // (texts.shape[1] * model.config.vocab_size))
    losses = []
    for first in range(0, len(texts), rows):
        some = texts[first : first + rows]
        hooks = fwd_hooks(model, ablations, recorded, first)
        losses.append(token_losses(model.run_with_hooks(some, hooks), some))
    return torch.cat(losses).cpu().numpy()


def token_losses(
    logits: Float[Tensor, "batch pos vocab"], tokens: Int[Tensor, "batch pos"]
) -> Float[Tensor, "batch label"]:
    """Return −ln of the probability of each token after the first, in nats."""
    log_probs = logits[:, :-1].float().log_softmax(-1)
    return -log_probs.gather(-1, tokens[:, 1:, None]).squeeze(-1)


def said_before(windows: Windows) -> Bool[np.ndarray, "window label"]:
    """Tell which tokens a model could copy: the pair stood in the window before.

    >>> said_before([[5, 6, 7, 5, 6]]).tolist()
    [[False, False, False, True]]

    Args:
        windows: Texts of equal length.

    Returns:
        For label i, whether (token i, token i + 1) stood at an earlier place.
    """
    ids = np.asarray(windows)
    first, second = ids[:, :-1], ids[:, 1:]
    same = (first[:, :, None] == first[:, None]) & (
        second[:, :, None] == second[:, None]
    )
    return np.tril(same, -1).any(-1)


@dataclass(frozen=True)
class PairEffect:
    """What two ablations do alone and together, in nats of loss per token."""

    first: float
    second: float
    both: float

    @property
    def interaction(self) -> float:
        """What both do beyond the sum of each: above 0, each covers for the other."""
        return self.both - self.first - self.second


def ablate_pair(
    loss_under: Callable[[tuple[Ablation, ...]], float],
    pair: tuple[Ablation, Ablation],
) -> PairEffect:
    """Ablate two parts, each alone and both, and compare what the loss does.

    Args:
        loss_under: Returns the mean loss of a corpus under some ablations, such as
            the mean of `loss_over`. A cached one reads the corpus once for each part.
        pair: Two ablations.
    """
    first, second = pair
    before = loss_under(())
    rises = [
        loss_under(ablations) - before
        for ablations in ((first,), (second,), (first, second))
    ]
    return PairEffect(*rises)


@torch.inference_mode()
def continue_text(
    model: TransformerLM,
    tokens: Sequence[int],
    count: int,
    ablations: Sequence[Ablation] = (),
    reference: Windows | None = None,
) -> list[int]:
    """Append the likeliest token, again and again, under ablations.

    What was read is kept in a cache, unless an ablation means a place of the text: then
    the whole text is read again for each token.

    Args:
        model: The model to ablate; it is left as it was.
        tokens: The text to continue.
        count: How many tokens; fewer, if the model's window is full.
        ablations: What to change, all at once.
        reference: For the mean or a resample.

    Returns:
        The new ids.
    """
    recorded = record(model, ablations, reference)
    text = torch.tensor([list(tokens)], device=model.device)
    total = min(len(tokens) + count, model.config.max_seq_len)
    window = Window(model, 1, total) if all(map(_is_alike, ablations)) else None
    hooks = fwd_hooks(model, ablations, recorded)
    for _ in range(len(tokens), total):
        with model.hooks(hooks):
            logits = window.next_logits(text) if window else model(text)[:, -1]
        text = torch.cat([text, logits.argmax(-1, keepdim=True)], dim=1)
    return text[0, len(tokens) :].tolist()


def _is_alike(ablation: Ablation) -> bool:
    """Whether an ablation does the same wherever a token stands."""
    return ablation.how != "resample" and not isinstance(ablation.part, Edge | Token)
