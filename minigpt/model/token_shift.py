"""The token shift: a share of the token before, given to each token for nothing.

A previous-token head spends a layer on this, and induction heads wait for it. Here each
dimension learns how much of the embedding before it wants. Training gets quicker, and
the heads of the first layer get something else to do.

Before: the token embedding. Next: positions, and the first block.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class TokenShift(nn.Module):
    """What each position gets of the embedding before its own.

        shift_t = mix ⊙ e_{t−1},    e_{−1} = 0

    Args:
        d_model: Width of the embedding; each number of it has a mix of its own.

    Source: Peng et al. 2023, arXiv:2305.13048, section 3.1.1 ("RWKV"), where it stands
    before every projection; here once, after the embedding.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.mix = nn.Parameter(torch.zeros(d_model))

    def forward(
        self, embedded: Float[Tensor, "batch all_pos d_model"], new_positions: int
    ) -> Float[Tensor, "batch pos d_model"]:
        """Return what the last positions get.

        Args:
            embedded: Embeddings from the first token on.
            new_positions: How many of the last to answer for.
        """
        before = F.pad(embedded, (0, 0, 1, -1))  # nothing stands before the first
        return before[:, -new_positions:] * self.mix
