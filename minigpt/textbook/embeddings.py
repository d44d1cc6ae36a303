"""Embeddings by hand: cosines between rows of a table, and a plane to see them in.

Beside it: `minigpt.interpret.positions.embedding_space`, which the page draws from.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def nearest_cosines(
    table: Float[Tensor, "vocab d_model"], token: int, count: int
) -> Float[Tensor, " neighbour"]:
    """Return the largest cosines between one row of a table and the others.

        cos(a, b) = a · b / (‖a‖ ‖b‖)

    Args:
        table: One vector per token.
        token: The row that the others are compared with; left out itself.
        count: How many to return, the largest first.
    """
    cosines = torch.cosine_similarity(table, table[token][None], dim=-1)
    others = torch.cat([cosines[:token], cosines[token + 1 :]])
    return others.topk(count).values


def principal_plane(
    vectors: Float[Tensor, "point d_model"],
) -> dict[str, Float[Tensor, "..."]]:
    """Project points onto the two directions along which they differ most.

        X − mean = U S Vᵀ;  explained = S² / Σ S²;  points = (X − mean) V

    A direction and its opposite are equally good: each is turned so that its largest
    component is positive.

    Args:
        vectors: The points, two or more.

    Returns:
        `explained`, each direction's share of the variance, and `points`
        [point component].
    """
    centred = vectors - vectors.mean(0)
    _, sizes, directions = torch.linalg.svd(centred, full_matrices=False)
    largest = directions.abs().argmax(1, keepdim=True)
    directions = directions * directions.gather(1, largest).sign()
    explained = sizes**2 / (sizes**2).sum()
    return {"explained": explained[:2], "points": centred @ directions[:2].T}


def cosines_by_step(
    tables: Sequence[Float[Tensor, "vocab d_model"]], tokens: Sequence[int]
) -> Float[Tensor, "step token"]:
    """Return the cosine of each token's vector with the first one's, step by step.

    Args:
        tables: The embedding at each saved step of a training.
        tokens: Ids; all are compared with the first.
    """
    rows = [table[list(tokens)] for table in tables]
    return torch.stack([torch.cosine_similarity(row, row[:1]) for row in rows])
