"""What one head makes of each token: its query, its key, its value, its output.

Next: `textbook.embeddings.principal_plane`, the plane in which they differ most.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.model import TransformerLM

Which = Literal["q", "k", "v", "z"]
"""A head's query, key, value, or what it has gathered with its attention weights."""


def head_vectors(
    model: TransformerLM,
    texts: Sequence[Sequence[int]],
    layer: int,
    head: int,
    which: Which,
) -> Float[Tensor, "point d_head"]:
    """Return one vector of a head for every token of some texts.

        blocks.{layer}.attn.hook_{which}[:, :, head]

    Queries and keys are read before RoPE turns them. Where several heads share one key
    and value (grouped-query attention), these are the shared ones.

    Args:
        model: With attention.
        texts: Their tokens' ids; all are of one length.
        layer: Counted from 0, as the head is.
        head: Among the layer's query heads.
        which: Which of its vectors.

    Returns:
        Text by text, in the order of their tokens.
    """
    hook = f"blocks.{layer}.attn.hook_{which}"
    with torch.inference_mode():
        _, cache = model.run_with_cache(torch.tensor(texts), hook)
    vectors = cache[hook]
    shared_by = model.config.num_heads // vectors.shape[2]
    return vectors[:, :, head // shared_by].flatten(0, 1)
