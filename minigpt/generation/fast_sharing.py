"""One decoder for all texts of a model, one after the other or at once.

A decoder's copies of the matrices take as long to make as some dozen tokens, and as
much memory as the model. So the newest one is kept beside its model, until the model
goes or its weights change. Nothing in it changes but its choice of threads, under a
lock: threads may share it.

Before: `window`, which asks for decoders. Next: `fast_decoding`.
"""

from typing import NamedTuple
from weakref import WeakKeyDictionary

from torch import Tensor

from minigpt.generation.fast_decoding import Decoder
from minigpt.model import TransformerLM

WORTH_COPIES = 32
"""Making copies of the weights pays off from this many new tokens on."""

Weights = tuple[tuple[int, int, float], ...]


class _Kept(NamedTuple):
    """A decoder, and what it was made for."""

    weights: Weights
    num_texts: int
    has_copies: bool
    decoder: Decoder

    def serves(self, weights: Weights | None, num_texts: int, copies: bool) -> bool:
        """Whether it does for texts and weights; copies that are there do no harm."""
        is_same = (weights, num_texts) == (self.weights, self.num_texts)
        return is_same and self.has_copies >= copies


_newest: WeakKeyDictionary[TransformerLM, _Kept] = WeakKeyDictionary()


def shared_decoder(model: TransformerLM, num_texts: int, new_tokens: int) -> Decoder:
    """Return a decoder of a model, as its weights are now.

    Args:
        model: One that the decoder knows.
        num_texts: How many texts it will continue at once.
        new_tokens: How many tokens are still to be written of each.
    """
    weights, copies = _weights_of(model), new_tokens >= WORTH_COPIES
    kept = _newest.get(model)
    if kept is not None and kept.serves(weights, num_texts, copies):
        return kept.decoder
    decoder = Decoder(model, num_texts, copies)
    if weights is not None:
        _newest[model] = _Kept(weights, num_texts, copies, decoder)
    return decoder


def _weights_of(model: TransformerLM) -> Weights | None:
    """Name the weights by where they lie, how often they changed, and their sums.

    torch's fused optimizers do not count their changes: so there are sums, which take
    as long as a token or two.

    Returns:
        None if there is an adapter: it can be switched off without a trace in them.
    """
    if model.adapter is not None:
        return None
    return tuple(map(_state_of, [*model.parameters(), *model.buffers()]))


def _state_of(weight: Tensor) -> tuple[int, int, float]:
    changes = 0 if weight.is_inference() else weight._version
    total = float(weight.detach().sum()) if weight.is_floating_point() else 0.0
    return weight.data_ptr(), changes, total
