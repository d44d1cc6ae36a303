"""Two models side by side: `interpret.differences` by hand."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.model import LanguageModel, TransformerLM
from minigpt.textbook.heads import patterns


def pattern_divergence(
    before: TransformerLM, after: TransformerLM, tokens: Int[Tensor, "1 pos"]
) -> Float[Tensor, "layer head"]:
    """Compute how differently each head of two models attends to one text.

        JS(p, q) = H((p + q) / 2) − (H(p) + H(q)) / 2,   H(p) = −Σ p · log₂ p

    Returns:
        Bits, averaged over the rows 1 …: 0 if both attend alike, 1 if never to the same
        token.

    Source: Lin 1991, "Divergence Measures Based on the Shannon Entropy", eq. 4.1.
    """
    p, q = (patterns(model, tokens)[:, :, 1:].double() for model in (before, after))

    def bits(row: Tensor) -> Tensor:
        return torch.special.entr(row).sum(-1) / torch.tensor(2.0).log()

    return (bits((p + q) / 2) - (bits(p) + bits(q)) / 2).mean(-1)


@torch.no_grad()
def relative_change(before: LanguageModel, after: LanguageModel) -> dict[str, float]:
    """Compute how far each tensor that both models have has moved.

        ‖W_after − W_before‖ / ‖W_before‖

    Tensors that were all zeros are left out.
    """
    old, new = dict(before.named_parameters()), dict(after.named_parameters())
    return {
        name: float((new[name] - old[name]).norm() / old[name].norm())
        for name in old
        if name in new and new[name].shape == old[name].shape and old[name].any()
    }
