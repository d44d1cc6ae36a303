"""Where in a corpus a head attends most strongly, where less, and where by chance.

With two keys to choose from, a large weight is nothing special. So rows of few keys are
left out, and a row is ranked by how far its largest weight lies above the mean of this
head's rows with as many keys.

Before: `ranked_places`, which says why there are three kinds. Next: the Head explorer,
which shows them.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from minigpt.hooks import Hooked
from minigpt.interpret.corpora import Windows
from minigpt.interpret.ranked_places import ranked_places

FEWEST_KEYS = 8
"""To choose from, in a row that may be shown: or half a window's, if it is short."""


@dataclass(frozen=True)
class HeadExample:
    """One query in one window, and what it reads."""

    window: int
    """Which window."""
    query: int
    """Position of the token that reads."""
    key: int
    """Position of the token that it reads most."""
    row: Float[np.ndarray, " k_pos"]
    """The query's weights on all tokens up to itself."""
    above: float
    """The largest weight minus its mean over the head's rows with as many keys."""

    @property
    def weight(self) -> float:
        """The largest weight of the row."""
        return float(self.row[self.key])


class CorpusExamples(NamedTuple):
    """What one head does in a corpus."""

    strongest: list[HeadExample]
    """The windows that rank highest, each at its highest query."""
    deciles: list[HeadExample]
    """From the middle of each tenth of all rows, the highest tenth first."""
    random: list[HeadExample]
    """Queries that were drawn and not chosen."""


def corpus_examples(
    model: Hooked,
    windows: Windows,
    layer: int,
    head: int,
    count: int = 4,
    seed: int = 0,
) -> CorpusExamples:
    """Rank a head's rows in a corpus, and draw random ones.

    Args:
        model: Whose head.
        windows: The corpus, at least 2 tokens each.
        layer: Whose head.
        head: Which one.
        count: Examples of each kind, from as many windows.
        seed: Of the random sample.

    Raises:
        ValueError: If the windows are shorter than 2 tokens.
    """
    if windows.shape[1] < 2:
        raise ValueError(f"Windows need 2 tokens or more, not {windows.shape[1]}.")
    pattern = _patterns(model, windows, layer, head)
    first = min(FEWEST_KEYS - 1, windows.shape[1] // 2)
    peaks = pattern[:, first:].max(-1)  # [window query]: of the rows from there on
    above = peaks - peaks.mean(0)  # a query's place says how many keys it has

    def example(window: int, query: int) -> HeadExample:
        row = pattern[window, query, : query + 1]
        rank = float(above[window, query - first])
        return HeadExample(window, query, int(row.argmax()), row, rank)

    places = ranked_places(above, count, seed, first)
    return CorpusExamples(*([example(*at) for at in kind] for kind in places))


def _patterns(
    model: Hooked, windows: Windows, layer: int, head: int
) -> Float[np.ndarray, "window q_pos k_pos"]:
    name = f"blocks.{layer}.attn.hook_pattern"
    tokens = torch.as_tensor(windows, device=next(model.parameters()).device)
    with torch.inference_mode():
        _, cache = model.run_with_cache(tokens, names_filter=name)
    return cache[name][:, head].float().cpu().numpy()
