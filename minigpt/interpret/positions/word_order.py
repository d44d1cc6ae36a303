"""Does a model know the order of its words? Shuffle them, and see.

Only the last token keeps its place, so both orders ask the same: what comes after it?
A single layer without positions cannot tell the orders apart, because attention is a
weighted average and an average has no order: "dog bites man" is "man bites dog". From
the second layer on the causal mask betrays it: the second token of one order has read
one word, and of the other order another.

Before: `position_views`. Beside: `interventions`, which change other things.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.errors import DataError
from minigpt.interpret.effects import Effect, compare_logits
from minigpt.model import LanguageModel, TransformerLM
from minigpt.model.sizes import skeleton

ROUNDING = 1e-5
"""Sums in another order differ in their last digits; by less than this."""


@dataclass(frozen=True)
class OrderTest:
    """What one model says after a text, and after the same words in another order."""

    effect: Effect
    """On the next token: before is the text as it was."""
    output_change: float | None
    """‖Δ‖ / ‖·‖ of what the first layer's attention writes last; None: an MLP."""
    moved: bool
    """Whether any probability moved by more than rounding."""

    @property
    def largest_change(self) -> float:
        """The largest change of any token's probability."""
        return float(np.abs(self.effect.after - self.effect.before).max())


def shuffled(tokens: list[int], seed: int = 0) -> list[int]:
    """Return a random order of a text's tokens; the last one stays last.

    Returns:
        Positions in the text: equal tokens have different ones.

    Raises:
        DataError: If there is only one order.
    """
    before_last = tokens[:-1]
    if len(set(before_last)) < 2:
        raise DataError(
            "There is only one order: type at least two different words before the "
            "last one."
        )
    rng = np.random.default_rng(seed)
    while True:
        places = rng.permutation(len(before_last)).tolist()
        if [tokens[place] for place in places] != before_last:
            return [*places, len(before_last)]


def without_positions(model: TransformerLM, layers: int) -> TransformerLM:
    """Return a model of the first layers, with the same weights but without positions.

    The tensors are shared with the model, not copied.

    Args:
        model: Any transformer.
        layers: How many blocks to keep, counted from the first.
    """
    settings = {
        **model.config.to_dict(),
        "positional_encoding": "none",
        "token_shift": False,
        "num_layers": layers,
    }
    bare = skeleton(TransformerLM, settings)
    assert isinstance(bare, TransformerLM)
    own = model.state_dict()
    bare.load_state_dict({name: own[name] for name in bare.state_dict()}, assign=True)
    return bare.eval().requires_grad_(False)


def order_test(model: LanguageModel, tokens: list[int], order: list[int]) -> OrderTest:
    """Let a model read a text in two orders, and compare what it says next.

    Args:
        model: Any language model.
        tokens: The text.
        order: Positions, as `shuffled` returns them.
    """
    other = [tokens[place] for place in order]
    (before, read), (after, read_after) = (
        _last(model, text) for text in (tokens, other)
    )
    effect = compare_logits(before, after)
    change = None
    if read is not None and read_after is not None:
        change = float((read_after - read).norm() / read.norm().clamp(min=1e-12))
    moved = float(np.abs(effect.after - effect.before).max()) > ROUNDING
    return OrderTest(effect, change, moved)


def _last(
    model: LanguageModel, tokens: list[int]
) -> tuple[Float[Tensor, " vocab"], Float[Tensor, " d_model"] | None]:
    """Return the last token's logits, and what the first layer's heads bring it."""
    hook = "blocks.0.hook_attn_out"
    wanted = [hook] if hook in model.hook_points else []
    device = next(model.parameters()).device
    with torch.inference_mode():
        logits, cache = model.run_with_cache(
            torch.tensor([tokens], device=device), names_filter=wanted
        )
    return logits[0, -1], cache[hook][0, -1] if wanted else None
