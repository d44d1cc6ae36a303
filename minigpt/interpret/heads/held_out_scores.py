"""What every head does in text that its model did not learn from, and how sure that is.

A score read from one prompt is a mean over a few rows, and may be chance. Here each
habit is measured in many windows, and the windows are drawn anew, again and again, to
see how far the score would move: its 95 % interval.

    score(head, habit) = Σ weight on the habit's keys / number of queries with such keys

Before: `habits`, which says which cells belong to a habit. Next: `head_names`, which
holds the scores against those of untrained heads.

Source: Efron 1979, "Bootstrap Methods: Another Look at the Jackknife", for the interval
(percentiles of the scores of resampled windows).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.hooks import Hooked
from minigpt.interpret.corpora import Windows
from minigpt.interpret.heads.habits import Cells, HabitCells, text_habits
from minigpt.tokenizers.base import Tokenizer

WINDOWS = 64
"""Windows behind every score."""

RESAMPLES = 1000
"""Draws of the bootstrap."""

LEVEL = 0.95
"""Of the resampled scores, so many lie within the interval."""

MOST_CELLS = 16_000_000
"""Weights of patterns that are recorded at once: 64 MB."""

ByHabit = Float[np.ndarray, "habit layer head"]


@dataclass(frozen=True)
class Weight:
    """Sums of the weight that every head puts somewhere."""

    on_habits: Float[np.ndarray, "window habit layer head"]
    """On the cells of each habit, in each window."""
    at_distance: Float[np.ndarray, "layer head distance"]
    """On keys so many places back, in all windows."""


@dataclass(frozen=True)
class HeldOutScores:
    """Every head's share of weight on each habit, over several windows."""

    habits: tuple[str, ...]
    """Those that were measured: keys of `ALL_HABITS`."""
    score: ByHabit
    """Mean weight on the habit's keys, over the queries that have any; from 0 to 1."""
    low: ByHabit
    """Where the 95 % interval begins …"""
    high: ByHabit
    """… and where it ends."""
    by_distance: ByHabit
    """What the score would be if the head knew only how far back each key is."""
    queries: dict[str, int]
    """How many queries have such keys."""
    coverage: dict[str, float]
    """Which share they are of all queries that have a key before them."""
    windows: int
    """How many windows were read."""
    missing: dict[str, str]
    """Why the other habits were not measured."""


def held_out_scores(
    model: Hooked, tokenizer: Tokenizer, windows: Windows
) -> HeldOutScores:
    """Score every head of a model on every habit that some windows show.

    Args:
        model: Any model with attention.
        tokenizer: Its own; says which tokens are spaces, words and so on.
        windows: Text that the model did not learn from, [window pos].
    """
    habits = text_habits(tokenizer, windows)
    return summarize(weight_on(model, windows, habits.cells), habits)


def prompt_scores(
    model: Hooked, tokenizer: Tokenizer, tokens: Sequence[int]
) -> HeldOutScores | None:
    """Score every head on one prompt, without intervals; None of a single token.

    Args:
        model: Any model with attention.
        tokenizer: Its own.
        tokens: The prompt's ids.
    """
    if len(tokens) < 2:
        return None
    return held_out_scores(model, tokenizer, np.array([tokens]))


def weight_on(model: Hooked, windows: Windows, cells: dict[str, Cells]) -> Weight:
    """Add up the weight that every head of a model puts on the cells of each habit.

    Args:
        model: Whose heads.
        windows: Ids, [window pos].
        cells: By habit, for the same windows.
    """
    found, start, size = [], 0, 1
    while start < len(windows):
        part = slice(start, start + size)
        patterns = _patterns(model, windows[part])
        found.append(
            weight_in(patterns, {name: mask[part] for name, mask in cells.items()})
        )
        start += size
        # The first window shows how many weights there are to each.
        size = max(1, MOST_CELLS // sum(each[0].numel() for each in patterns))
    return joined(found)


def weight_in(
    patterns: Sequence[Float[Tensor, "window head q_pos k_pos"]],
    cells: dict[str, Cells],
) -> Weight:
    """Add up the weight that every head puts on the cells of each habit.

    Args:
        patterns: Attention weights, one tensor to a layer.
        cells: By habit, for the same windows.
    """
    every = torch.from_numpy(np.stack(list(cells.values())))
    chosen = every.flatten(2).permute(1, 2, 0).float()  # [window cell habit]
    on_habits = torch.stack([each.flatten(2) @ chosen for each in patterns])
    total = torch.stack([each.sum(0) for each in patterns])  # [layer head q_pos k_pos]
    diagonals = [
        total.diagonal(-back, dim1=-2, dim2=-1).sum(-1)
        for back in range(total.shape[-1])
    ]
    return Weight(
        on_habits.permute(1, 3, 0, 2).numpy(), torch.stack(diagonals, -1).numpy()
    )


def joined(parts: Sequence[Weight]) -> Weight:
    """Put together what was found in several parts of the same text."""
    return Weight(
        np.concatenate([each.on_habits for each in parts]),
        np.sum([each.at_distance for each in parts], axis=0),
    )


def summarize(weight: Weight, habits: HabitCells, seed: int = 0) -> HeldOutScores:
    """Turn sums of weight into scores with their intervals.

    A window is resampled whole: its queries are no independent observations.

    Args:
        weight: Of all windows.
        habits: Whose cells it is the weight on.
        seed: Of the resampling.
    """
    on_habits, at_distance = weight.on_habits, weight.at_distance
    cells, (count, length) = habits.cells, (len(on_habits), at_distance.shape[-1])
    queries = np.array([mask.any(-1).sum(-1) for mask in cells.values()]).T
    total = queries.sum(0)
    low, high = intervals(on_habits, queries, seed)
    return HeldOutScores(
        habits=tuple(cells),
        score=on_habits.sum(0) / total[:, None, None],
        low=low,
        high=high,
        by_distance=_by_distance(at_distance, cells) / total[:, None, None],
        queries=dict(zip(cells, total.tolist(), strict=True)),
        coverage={
            name: float(rows) / (count * (length - 1))
            for name, rows in zip(cells, total, strict=True)
        },
        windows=count,
        missing=habits.missing,
    )


def intervals(
    sums: Float[np.ndarray, "window habit layer head"],
    queries: Int[np.ndarray, "window habit"] | Float[np.ndarray, "window habit"],
    seed: int = 0,
) -> tuple[ByHabit, ByHabit]:
    """Bootstrap the mean Σ sums / Σ queries over windows.

    Args:
        sums: Weight, by window; or any other sum, by what was drawn whole.
        queries: Over how many queries, by window; or what else it is divided by.
        seed: Same seed, same draws.

    Returns:
        Where each 95 % interval begins and ends. One window alone has none: it is all
        numbers from 0 to 1.
    """
    shape = sums.shape[1:]
    if len(sums) < 2:
        return np.zeros(shape), np.ones(shape)
    rng, share = np.random.default_rng(seed), np.full(len(sums), 1 / len(sums))
    drawn = rng.multinomial(len(sums), share, size=RESAMPLES)  # [draw window]
    edges = np.empty((2, *shape))
    for habit, rows in enumerate((drawn @ queries).T):
        met = rows > 0  # a draw may have no window with such a query
        again = np.tensordot(drawn[met], sums[:, habit], 1) / rows[met, None, None]
        edges[:, habit] = np.quantile(again, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return edges[0], edges[1]


def _patterns(
    model: Hooked, windows: Windows
) -> list[Float[Tensor, "window head q_pos k_pos"]]:
    """Record the attention weights of some windows, one tensor to a layer."""
    tokens = torch.as_tensor(windows, device=next(model.parameters()).device)
    with torch.inference_mode():
        _, cache = model.run_with_cache(
            tokens, names_filter=lambda name: name.endswith("attn.hook_pattern")
        )
        return [each.float().cpu() for each in cache.values()]


def _by_distance(
    at_distance: Float[np.ndarray, "layer head distance"], cells: dict[str, Cells]
) -> ByHabit:
    """Add up, over the cells of each habit, the mean weight at their distances."""
    length = at_distance.shape[-1]
    count = len(next(iter(cells.values())))
    mean = at_distance / (count * np.arange(length, 0, -1))
    met = [
        [int(mask.diagonal(-back, axis1=1, axis2=2).sum()) for back in range(length)]
        for mask in cells.values()
    ]
    found: ByHabit = np.einsum("hd,lkd->hlk", np.array(met), mean)
    return found
