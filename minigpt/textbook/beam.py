"""Beam search by hand: every text is read again at each step.

Beside it: `minigpt.generation.beam`, which caches, scores finished texts by length and
knows when to stop.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.model import LanguageModel


def next_log_probs(
    model: LanguageModel, texts: Int[Tensor, "text pos"], penalty: float = 1.0
) -> Float[Tensor, "text vocab"]:
    """Return ln p of each token that may come next.

    Args:
        model: Any language model.
        texts: Any number of texts of one length.
        penalty: What ln p of a token that occurred before is multiplied by.
    """
    with torch.inference_mode():
        log_probs = model(texts)[:, -1].log_softmax(-1)
    return log_probs.scatter(1, texts, log_probs.gather(1, texts) * penalty)


def candidate_sums(
    model: LanguageModel,
    tokens: Int[Tensor, "1 pos"],
    num_beams: int,
    steps: int,
    eos_id: int | None,
    penalty: float = 1.0,
) -> list[float]:
    """Return the sum Σ ln p of every candidate that a beam search considers.

    In each step, every running text is continued by every token. The best 2 · num_beams
    of these candidates are considered, and the best num_beams that do not end go on.

    Args:
        model: Any language model.
        tokens: The prompt.
        num_beams: How many texts run at once.
        steps: How many tokens are written.
        eos_id: The token that ends a text; None: none does.
        penalty: See `next_log_probs`.
    """
    texts, sums, considered = tokens, torch.zeros(1), []
    for _ in range(steps):
        log_probs = next_log_probs(model, texts, penalty)
        totals = sums[:, None] + log_probs  # [text vocab]
        best = totals.flatten().topk(min(2 * num_beams, totals.numel()))
        considered += best.values.tolist()
        rows = best.indices // totals.shape[1]
        ids = best.indices % totals.shape[1]
        running = [i for i, token in enumerate(ids) if token != eos_id][:num_beams]
        texts = torch.cat([texts[rows[running]], ids[running, None]], dim=1)
        sums = best.values[running]
    return considered


def sum_of_log_probs(
    model: LanguageModel,
    tokens: Int[Tensor, "1 pos"],
    written: Sequence[int],
    penalty: float = 1.0,
) -> float:
    """Return Σ ln p of the tokens written after a prompt, each given all before it.

    Args:
        model: Any language model.
        tokens: The prompt.
        written: The tokens after it.
        penalty: See `next_log_probs`.
    """
    total = 0.0
    for token in written:
        total += float(next_log_probs(model, tokens, penalty)[0, token])
        tokens = torch.cat([tokens, torch.tensor([[token]])], dim=1)
    return total
