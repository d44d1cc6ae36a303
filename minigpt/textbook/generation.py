"""Generation by hand: what a text cost the model, and how texts begin.

Beside it: `minigpt.generation`, which writes with a cache and keeps these numbers on
the way.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.generation.result import Generation
from minigpt.model import LanguageModel


def surprise_and_entropy(
    model: LanguageModel, prompt: Sequence[int], written: Sequence[int]
) -> dict[str, Float[Tensor, " token"]]:
    """Return how surprising each written token was, and how unsure the model was.

        surprise = −ln p(token | before),  entropy = −Σ p ln p over all tokens

    Args:
        model: The one that wrote.
        prompt: The tokens it read first.
        written: The tokens it wrote; all must fit into the model's window.

    Returns:
        `surprise` and `entropy`, in nats.
    """
    text = torch.tensor([[*prompt, *written]])
    log_probs = model(text)[0, len(prompt) - 1 : -1].log_softmax(-1)  # [token vocab]
    chosen = torch.tensor([*written])[:, None]
    return {
        "surprise": -log_probs.gather(1, chosen)[:, 0],
        "entropy": -(log_probs.exp() * log_probs).sum(-1),
    }


def token_counts_at(texts: Iterable[Generation], place: int) -> dict[int, int]:
    """Count which token stands at a place of several texts, by id.

    Args:
        texts: Continuations of one prompt.
        place: Counted from the prompt's end, from 0.
    """
    counts = Counter(text.tokens[place] for text in texts)
    return dict(sorted(counts.items()))
