"""What a cut does: to the next token, and to the loss over a corpus.

Looking at a head shows where it reads; only cutting it shows what it is for.

Before: `interventions`, which say what to cut. Next: `patching`, which carries values
from one text into another.

Source: Olsson et al. 2022, arXiv:2209.11895, for cutting each head in turn; Wang et al.
2022, arXiv:2211.00593, for the mean over other texts.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from minigpt.interpret.effects import Effect, compare_logits
from minigpt.interpret.interventions import Cut, How, fwd_hooks, record
from minigpt.interpret.parts import Head
from minigpt.model import TransformerLM

Windows = Sequence[Sequence[int]]
"""Texts of equal length as ids, [window pos]; an array or a tensor will do."""


@torch.inference_mode()
def measure(
    model: TransformerLM,
    tokens: Sequence[int],
    cuts: Sequence[Cut],
    reference: Windows | None = None,
    position: int = -1,
) -> Effect:
    """Return what cuts do to the prediction of the next token.

    Args:
        model: The model to cut; it is left as it was.
        tokens: The text it reads.
        cuts: What to change, all at once.
        reference: Other texts, for the mean or a resample: the mean is over all their
            positions; a resample takes the values of the second text (the first is
            where this text stands).
        position: After which token the prediction is made.

    Raises:
        DataError: If the model has no such part, or a cut needs a reference.
    """
    ids = torch.tensor([list(tokens)], device=model.device)
    others = None if reference is None else as_windows(model, reference)
    recorded = record(model, cuts, others)
    before = model(ids)[0, position]
    after = model.run_with_hooks(ids, fwd_hooks(model, cuts, recorded))[0, position]
    return compare_logits(before, after)


def cut_heads(
    model: TransformerLM,
    tokens: Sequence[int],
    heads: Sequence[tuple[int, int]],
    how: How = "zero",
    reference: Windows | None = None,
    position: int = -1,
) -> Effect:
    """Return what cutting some heads does to the prediction of the next token.

    Args:
        model: The model to cut; it is left as it was.
        tokens: The text it reads.
        heads: Layer and head of each.
        how: What becomes of each head's z.
        reference: See `measure`.
        position: See `measure`.

    Raises:
        DataError: See `measure`.
    """
    cuts = [Cut(Head(layer, head), how) for layer, head in heads]
    return measure(model, tokens, cuts, reference, position)


def as_windows(model: TransformerLM, windows: Windows) -> Int[Tensor, "window pos"]:
    """Return windows as a tensor where the model is."""
    return torch.as_tensor(windows, device=model.device)
