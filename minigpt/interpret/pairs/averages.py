"""The mean of a measure over many pairs of prompts, with its 95 % interval.

    mean = Σ_pair value / Σ_pair way

For attribution and the lens a pair's way is 1, and this is the plain mean. A patch is
measured as a share of the way from one prompt's d to the other's. The sums are divided,
not each pair: one pair with next to no way would drown all others.

Before: `measures`. Next: the Intervene page.

Source: Wang et al. 2022, arXiv:2211.00593, for logit differences averaged over many
prompts before they are normalised; Efron 1979 for the interval: see
`held_out_scores.intervals`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from minigpt.errors import DataError
from minigpt.interpret.heads.held_out_scores import intervals
from minigpt.interpret.interventions.patching import CARRIED, SMALLEST_DIFFERENCE
from minigpt.interpret.pairs.alignment import align_all, equally_long
from minigpt.interpret.pairs.measures import SIDES, PairNumbers, measure_pair
from minigpt.interpret.pairs.pair_rows import PairRow
from minigpt.interpret.provenance.working import Operands, Working, number, spell_sum
from minigpt.interpret.stream.logit_lens import overtaking
from minigpt.model import TransformerLM
from minigpt.tokenizers.base import Tokenizer

Cells = Float[np.ndarray, "side row column"]


@dataclass(frozen=True)
class Average:
    """One measure over several pairs. The sides are those of `SIDES`."""

    mean: Cells
    low: Cells
    """Where the 95 % interval begins …"""
    high: Cells
    """… and where it ends; both are not-a-number for one pair alone."""
    values: Float[np.ndarray, "pair side row column"]
    """In logits, before they are divided."""
    ways: Float[np.ndarray, "pair side"]
    differences: Float[np.ndarray, "pair side"]
    """logit(answer) − logit(rival) after each prompt."""

    @property
    def right(self) -> tuple[int, int]:
        """On how many pairs the model prefers what should follow.

        The answer after the clean prompt; the rival after the corrupted one.
        """
        clean, corrupted = self.differences.T
        return int((clean > 0).sum()), int((corrupted < 0).sum())

    @property
    def told_apart(self) -> int | None:
        """Column from which on the first row has the right signs on both sides.

        Of the lens: where the stream begins to say the answer after clean prompts and
        the rival after corrupted ones, and goes on saying so. None: not at the end.
        """
        clean, corrupted = self.mean[:, 0]
        return overtaking(np.minimum(clean, -corrupted), np.zeros_like(clean))

    def strongest(self, side: int, count: int = 1) -> list[tuple[int, int]]:
        """Return rows and columns of the means that are farthest from 0.

        Args:
            side: Place in `SIDES`.
            count: How many at most.
        """
        mean = self.mean[side]
        order = np.argsort(-np.abs(mean).ravel(), kind="stable")[:count]
        return [divmod(int(cell), mean.shape[1]) for cell in order]

    def leads(self, side: int) -> Int[np.ndarray, "row column"]:
        """Return in how many pairs each number is the farthest from 0.

        Args:
            side: Place in `SIDES`.
        """
        sizes = np.abs(self.values[:, side])
        best = sizes.reshape(len(sizes), -1).argmax(1)
        return np.bincount(best, minlength=sizes[0].size).reshape(sizes[0].shape)


def average(found: Sequence[PairNumbers]) -> Average:
    """Average what was measured of several pairs.

    Raises:
        DataError: If there is no pair, or the prompts do not differ on average.
    """
    if not found:
        raise DataError(
            "None of these pairs can be compared: see the reasons under the list."
        )
    values = np.stack([each.values for each in found])
    ways = np.stack([each.ways for each in found])
    total = ways.sum(0)
    if total.min() < SMALLEST_DIFFERENCE * len(found):
        raise DataError(
            "Over these pairs the model does not prefer the answer after the clean "
            "prompts more than after the corrupted ones, so there is no difference to "
            "take a share of. Exchange answer and rival, or choose other pairs."
        )
    low, high = interval_ends(values, ways)
    return Average(
        mean=values.sum(0) / total[:, None, None],
        low=low,
        high=high,
        values=values,
        ways=ways,
        differences=np.stack([each.differences for each in found]),
    )


def interval_ends(
    values: Float[np.ndarray, "pair side row column"],
    ways: Float[np.ndarray, "pair side"],
) -> tuple[Cells, Cells]:
    """Bootstrap a mean over pairs; of one pair alone there is no interval.

    Args:
        values: Of each pair.
        ways: What they are divided by.

    Returns:
        Where the 95 % interval begins and ends; not-a-number for one pair.
    """
    low, high = intervals(values, ways)
    if len(values) == 1:
        return np.full_like(low, np.nan), np.full_like(high, np.nan)
    return low, high


def average_pairs(
    model: TransformerLM,
    tokenizer: Tokenizer,
    rows: Sequence[PairRow],
    measure: str,
) -> Average:
    """Measure all pairs of a list that can be compared, and average them.

    Args:
        model: In evaluation mode.
        tokenizer: Its own.
        rows: The list.
        measure: One of `measures.MEASURES`.

    Raises:
        DataError: If no pair can be compared.
    """
    pairs, _ = align_all(model, tokenizer, rows)
    if measure in CARRIED and CARRIED[measure].places == "position":
        pairs, _ = equally_long(pairs)
    return average([measure_pair(model, pair, measure) for pair in pairs])


def explain_average(
    found: Average, numbers: Sequence[int], side: int, cell: tuple[int, int]
) -> Working:
    """Show how one mean is worked out, pair by pair.

    Args:
        found: The averages.
        numbers: Of the pairs, as they stand in the list.
        side: Place in `SIDES`.
        cell: Row and column.
    """
    values = found.values[:, side, *cell].astype(np.float64)
    ways = found.ways[:, side].astype(np.float64)
    labels = tuple(f"pair {each}" for each in numbers)
    if (ways == 1).all():
        formula, columns = "mean = Σ_pair value / pairs", {"value": values}
        below = str(len(ways))
    else:
        formula = "mean = Σ_pair moved / Σ_pair way"
        columns = {"moved, logits": values, "way, logits": ways}
        below = f"({spell_sum(map(number, ways), ways)})"
    return Working(
        f"{formula}   ({SIDES[side]} prompts run)",
        Operands("pair", labels, columns),
        f"({spell_sum(map(number, values), values)}) / {below}",
        float(values.sum() / ways.sum()),
    )
