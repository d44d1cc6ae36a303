"""One draw as one set of bars: the model's logits, each filter, and the draw."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from viz.attention import Array
from viz.components.shared.mounting import read_position, register, sent
from viz.probabilities import probability_text
from viz.tokens import display_pieces

_mount = register("filter_stages", "stepping", "filter_rows")


class StageShown(Protocol):
    """The distribution after one stage, [vocab]; −∞ or 0 where a token was removed."""

    name: str
    logits: Array
    probabilities: Array
    removed: float
    kept: int
    entropy: float


class DrawShown(Protocol):
    """One draw: its stages, its random numbers [vocab] (None: greedy), its token."""

    stages: Sequence[Any]
    waits: Array | None
    arrivals: Array | None
    token: int


@dataclass(frozen=True)
class FilterBars:
    """One draw, the tokens that have a bar, and the text so far.

    Raises:
        ValueError: If there is not one piece per token shown, a token shown lies
            outside the vocabulary, or a stage is missing in the chain.
    """

    draw: DrawShown
    """The numbers, such as `minigpt.generation.opened_draw` returns."""
    shown: Sequence[int]
    """The tokens that have a bar; all others share one line."""
    pieces: Sequence[str]
    """Their texts."""
    chain: Sequence[tuple[str, str]]
    """Every possible stage in the order in which they apply: `StageShown.name`, and
    what to call it with its setting."""
    prompt: str = ""
    """The beginning of the text."""
    written: Sequence[str] = ()
    """What was generated after the prompt, token by token."""
    ends: bool = False
    """Whether the drawn token is the text's last: Play stops there."""
    stage: str | None = None
    """Where to stand (a stage's name, or `draw`) for as long as it is named; None
    leaves it to the reader."""

    def __post_init__(self) -> None:
        """Check that the tokens, their texts and the stages fit each other."""
        count, named = len(self.shown), {name for name, _ in self.chain}
        if len(self.pieces) != count:
            raise ValueError(
                f"{count} tokens are shown but {len(self.pieces)} have texts."
            )
        vocab = len(self.draw.stages[0].probabilities)
        if not all(0 <= token < vocab for token in [*self.shown, self.draw.token]):
            raise ValueError(f"A token lies outside the vocabulary of {vocab}.")
        if unnamed := {stage.name for stage in self.draw.stages} - named:
            raise ValueError(f"The chain does not name {', '.join(sorted(unnamed))}.")


def filter_stages(
    bars: FilterBars,
    *,
    key: str,
    on_put: Callable[[int], None] | None = None,
    on_back: Callable[[], None] | None = None,
) -> None:
    """Show how a distribution becomes a token, one stage after the other.

    One bar per token keeps its place while the stages reshape, remove and renormalise.
    Next, Back and Space go from stage to stage; after the last, Next appends the drawn
    token to the text, and before the first, Back removes one. Play does so by itself. A
    click on a row appends that token, whatever was drawn.

    Args:
        bars: The draw and what is shown of it.
        key: The view's name on this page.
        on_put: Called with the token to append.
        on_back: Called when the last token is to be removed.
    """
    draw, shown = bars.draw, bars.shown
    offered = set(map(int, shown))

    def put() -> None:
        token = sent(key, "put", read_position)
        if token in offered and token is not None and on_put is not None:
            on_put(token)

    def back() -> None:
        if sent(key, "undone", read_position) is not None and on_back is not None:
            on_back()

    _mount(
        key=key,
        data={
            "prompt": bars.prompt,
            "written": display_pieces(bars.written),
            "chain": [{"name": name, "title": title} for name, title in bars.chain],
            "tokens": [int(token) for token in shown],
            "pieces": display_pieces(bars.pieces),
            "drawn": int(draw.token),
            "ends": bars.ends,
            "stage": bars.stage,
            "stages": [_packed(stage, shown) for stage in draw.stages],
            "race": _packed_race(draw, shown),
        },
        on_put_change=put,
        on_undone_change=back,
    )


def _packed(stage: StageShown, shown: Sequence[int]) -> dict[str, Any]:
    chosen = np.asarray(shown, dtype=np.int64)
    logits = np.asarray(stage.logits, dtype=np.float64)[chosen]
    probabilities = np.asarray(stage.probabilities, dtype=np.float64)[chosen]
    others = float(np.clip(1 - probabilities.sum(), 0, 1))
    kept_here = int((logits > -np.inf).sum())
    return {
        "name": stage.name,
        # JSON has no −∞: a token that was removed has no logit.
        "logits": [float(x) if np.isfinite(x) else None for x in logits],
        "probabilities": [float(p) for p in probabilities],
        "texts": [probability_text(float(p)) for p in probabilities],
        "othersText": probability_text(others if stage.kept > kept_here else 0.0),
        "keptOthers": stage.kept - kept_here,
        "numOthers": len(stage.logits) - len(chosen),
        "removed": float(stage.removed),
        "kept": int(stage.kept),
        "entropyText": f"{stage.entropy:.2f}",
    }


def _packed_race(draw: DrawShown, shown: Sequence[int]) -> dict[str, Any] | None:
    """Pack the dice of the tokens shown, and the first arrival of the others."""
    if draw.waits is None or draw.arrivals is None:
        return None
    chosen = np.asarray(shown, dtype=np.int64)
    others = np.delete(np.asarray(draw.arrivals, dtype=np.float64), chosen)
    first = float(others.min()) if len(others) else np.inf
    arrivals = np.asarray(draw.arrivals, dtype=np.float64)[chosen]
    return {
        "waits": [float(wait) for wait in draw.waits[chosen]],
        "arrivals": [float(x) if np.isfinite(x) else None for x in arrivals],
        "firstOther": first if np.isfinite(first) else None,
    }
