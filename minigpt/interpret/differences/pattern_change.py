"""How differently two models' heads attend to the same text, head by head.

Before: `minigpt.interpret.reading.prompt`, which keeps the patterns. Beside:
`comparison`, for the losses that come of it.
"""

from typing import cast

import numpy as np
from jaxtyping import Float

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.reading.prompt import attention_patterns
from minigpt.model import LanguageModel, TransformerLM


def pattern_change(
    before: Checkpoint, after: Checkpoint, text: str
) -> Float[np.ndarray, "layer head"]:
    """Compare what the heads of two models attend to, each with its namesake.

    Returns:
        Mean Jensen–Shannon divergence of the rows, in bits: see `row_divergence`. The
        first row, which can only read itself, does not count.

    Raises:
        DataError: If the models differ in their numbers of layers and heads, or in
            their tokens, or have no heads.
    """
    tokens = [each.tokenizer.encode(text) for each in (before, after)]
    if tokens[0] != tokens[1]:
        both_with_heads(before.model, after.model)
        raise DataError(
            "The models cut the text into different tokens, so their patterns have "
            "different rows and columns and cannot be compared."
        )
    return pattern_change_on(before.model, after.model, tokens[0])


def pattern_change_on(
    before: LanguageModel, after: LanguageModel, tokens: list[int]
) -> Float[np.ndarray, "layer head"]:
    """Compare what the heads of two models attend to in a row of tokens.

    Args:
        before: One model.
        after: Another, that knows the same tokens.
        tokens: What both read.

    Raises:
        DataError: See `pattern_change`.
    """
    models = both_with_heads(before, after)
    patterns = [attention_patterns(model, tokens) for model in models]
    rows = row_divergence(*patterns)[..., 1:]
    if not rows.shape[-1]:
        raise DataError("One token reads only itself: type a few more words.")
    return cast(np.ndarray, rows.mean(-1))


def both_with_heads(
    before: LanguageModel, after: LanguageModel
) -> tuple[TransformerLM, TransformerLM]:
    """Return two models each of whose heads has a counterpart in the other.

    Raises:
        DataError: If they have no heads, or different numbers of them.
    """
    if not isinstance(before, TransformerLM) or not isinstance(after, TransformerLM):
        raise DataError("One of the models is an MLP: it has no heads to compare.")
    grids = [(m.config.num_layers, m.config.num_heads) for m in (before, after)]
    if grids[0] != grids[1]:
        sizes = " and ".join(f"{layers} × {heads}" for layers, heads in grids)
        raise DataError(
            f"The models have {sizes} heads (layers × heads), so no head of one is the "
            "counterpart of a head of the other."
        )
    return before, after


def row_divergence(
    one: Float[np.ndarray, "*batch k_pos"], other: Float[np.ndarray, "*batch k_pos"]
) -> Float[np.ndarray, "*batch"]:
    """Compute how far apart two distributions are, row by row.

        JS(p, q) = ½ KL(p ‖ m) + ½ KL(q ‖ m),  m = (p + q) / 2

    Returns:
        Bits: 0 if the rows are equal, 1 if they have no key in common.

    Source: Lin 1991, "Divergence Measures Based on the Shannon Entropy", eq. 4.1.
    """
    one, other = (np.asarray(row, dtype=np.float64) for row in (one, other))
    middle = (one + other) / 2

    def relative_entropy(row: np.ndarray) -> np.ndarray:
        there = row > 0  # 0 · log 0 counts as 0
        ratio = np.divide(row, middle, out=np.ones_like(row), where=there)
        return cast(np.ndarray, (row * np.log2(ratio)).sum(-1))

    divergence = (relative_entropy(one) + relative_entropy(other)) / 2
    return cast(np.ndarray, np.clip(divergence, 0.0, 1.0))
