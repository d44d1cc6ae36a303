"""A challenge: which single attention weight makes the model say another token?

One weight of one head is set to 1, so that its row reads a single token. Every such
edit at one query is tried, many in a batch, and a token is chosen that some of them put
first.

Before: `attention_editing`, the same edit made by hand.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.checkpoint import Checkpoint
from minigpt.hooks import HookPoint
from minigpt.interpret.openings.opening import transformer_of
from minigpt.model import TransformerLM

MOST_READ = 4e9
"""Tokens to read times parameters of the model: a second or two on one core."""


@dataclass(frozen=True)
class RowChallenge:
    """A token to be made the likeliest, and how it can be done."""

    token: int
    """Id of the token to be put first."""
    before: int
    """Id of the one that comes first without an edit."""
    query: int
    """Position whose row is set, and whose prediction counts."""
    solutions: list[tuple[int, int, int]]
    """Layer, head and key of every weight that does it when it is set to 1, the one
    with the highest probability of the token first."""
    tried: int
    """Of how many weights."""


def row_challenge(
    checkpoint: Checkpoint, tokens: list[int], query: int
) -> RowChallenge | None:
    """Search a token that one attention weight can put first.

    The query is tried first, then those nearest to it. Of the tokens that can be put
    first, the one is chosen that gets the highest probability; words before signs.

    Args:
        checkpoint: Model and tokenizer.
        tokens: The text.
        query: Position of the token that reads.

    Returns:
        None where no weight changes the first token, or the model is too large to try.
    """
    model = transformer_of(checkpoint)
    left = MOST_READ / sum(weight.numel() for weight in model.parameters())
    heads = model.config.num_layers * model.config.num_heads
    for each in sorted(range(1, len(tokens)), key=lambda at: (abs(at - query), at)):
        left -= heads * (each + 1) ** 2
        if left < 0:
            return None
        found = _at_query(checkpoint, tokens[: each + 1])
        if found is not None:
            return found
    return None


def _at_query(checkpoint: Checkpoint, tokens: list[int]) -> RowChallenge | None:
    """Search at the last of these tokens."""
    model = transformer_of(checkpoint)
    with torch.inference_mode():
        ids = torch.tensor([tokens], device=model.device)
        before = int(model(ids)[0, -1].argmax())
        tried = list(_edits(model, ids))
    ways: dict[int, list[tuple[float, tuple[int, int, int]]]] = {}
    for place, probabilities in tried:
        best = int(probabilities.argmax())
        if best != before:
            ways.setdefault(best, []).append((float(probabilities[best]), place))
    if not ways:
        return None
    pieces = dict(zip(ways, checkpoint.tokenizer.pieces(list(ways)), strict=True))
    token = max(ways, key=lambda each: (_is_word(pieces[each]), max(ways[each])[0]))
    solutions = [place for _, place in sorted(ways[token], reverse=True)]
    return RowChallenge(token, before, len(tokens) - 1, solutions, len(tried))


def _edits(
    model: TransformerLM, ids: Tensor
) -> Iterator[tuple[tuple[int, int, int], Float[Tensor, " vocab"]]]:
    """Yield layer, head and key of every weight of the last row, and what follows."""
    count = ids.shape[1]
    for layer in range(model.config.num_layers):
        places = list(product(range(model.config.num_heads), range(count)))

        def set_rows(
            value: Tensor,
            hook: HookPoint,  # noqa: ARG001
            places: list[tuple[int, int]] = places,
        ) -> Tensor:
            edited = value.clone()
            for row, (head, key) in enumerate(places):
                edited[row, head, -1] = 0
                edited[row, head, -1, key] = 1
            return edited

        hooks = [(f"blocks.{layer}.attn.hook_pattern", set_rows)]
        logits = model.run_with_hooks(ids.expand(len(places), -1), hooks)[:, -1]
        for (head, key), after in zip(places, logits.softmax(-1), strict=True):
            yield (layer, head, key), after


def _is_word(piece: str) -> bool:
    return len(piece.strip()) > 1 and piece.strip().isalpha()
