"""The embedding: a learned vector for each token of the vocabulary.

Before: ids from a tokenizer. Next: positions, and the first block.
"""

from jaxtyping import Float, Int
from torch import Tensor, nn

from minigpt.errors import DataError


class TokenEmbedding(nn.Embedding):
    """A table with one learned vector of d_model numbers for each token.

    x[b, p] = scale · W_E[tokens[b, p]]        W_E: [vocab d_model]

    The scale is 1 but for models whose head shares the table, and needs its numbers
    small, such as Gemma's.
    """

    scale = 1.0

    def forward(
        self, tokens: Int[Tensor, "batch pos"]
    ) -> Float[Tensor, "batch pos d_model"]:
        """Look up each token's row.

        Raises:
            DataError: If an id is not in the vocabulary.
        """
        try:
            found = super().forward(tokens)
        except IndexError:
            raise DataError(
                f"Tokens lie between {int(tokens.min())} and {int(tokens.max())}; this "
                f"model knows ids 0 to {self.num_embeddings - 1}."
            ) from None
        return found if self.scale == 1.0 else found * self.scale
