"""One draw as one set of bars: the model's logits, each filter, and the throw."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from viz.attention import Array
from viz.components.shared.mounting import read_position, register, sent
from viz.probabilities import probability_text
from viz.tokens import display_piece, display_pieces

_mount = register("filter_stages", "stepping", "filter_rows")


class Stage(Protocol):
    """The distribution after one stage, [vocab]; −∞ or 0 where a token was removed."""

    name: str
    logits: Array
    probabilities: Array
    removed: float
    kept: int
    entropy: float


class Draw(Protocol):
    """One draw: its stages, its dice [vocab] (none: greedy), and what came."""

    stages: Sequence[Any]
    waits: Array | None
    arrivals: Array | None
    token: int


def filter_stages(
    draw: Draw,
    shown: Sequence[int],
    pieces: Sequence[str],
    *,
    key: str,
    chain: Sequence[tuple[str, str]],
    prompt: str = "",
    written: Sequence[str] = (),
    ends: bool = False,
    on_put: Callable[[int], None] | None = None,
    on_back: Callable[[], None] | None = None,
) -> None:
    """Show how a distribution becomes a token, one stage after the other.

    One bar per token keeps its place while the stages bend, remove and renormalise.
    Next, Back and Space go from stage to stage; after the last, Next puts the drawn
    token behind the text, and before the first, Back takes one away. Play does so by
    itself. A click on a row puts that token there, whatever the dice said.

    Args:
        draw: The numbers, such as `minigpt.generation.opened_draw` returns.
        shown: The tokens that have a bar; the others are one line together.
        pieces: Their texts.
        key: The view's name on this page.
        chain: Every stage there could be, in the order in which they apply: the name
            that `Stage.name` has, and what to call it with its setting.
        prompt: What the text begins with.
        written: What stands behind it already, token by token.
        ends: Whether the drawn token is the text's last: Play stops there.
        on_put: Called with the token that shall come next.
        on_back: Called when the last token shall go.

    Raises:
        ValueError: If there is not one piece per token shown, a token shown is none of
            the vocabulary, or a stage is missing in the chain.
    """
    vocab = len(draw.stages[0].probabilities)
    if len(pieces) != len(shown):
        raise ValueError(f"{len(shown)} tokens are shown but {len(pieces)} have texts.")
    if not all(0 <= token < vocab for token in [*shown, draw.token]):
        raise ValueError(f"A token lies outside the vocabulary of {vocab}.")
    unnamed = {stage.name for stage in draw.stages} - {name for name, _ in chain}
    if unnamed:
        raise ValueError(f"The chain does not name {', '.join(sorted(unnamed))}.")
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
            "prompt": prompt,
            "written": display_pieces(written),
            "chain": [{"name": name, "title": title} for name, title in chain],
            "tokens": [int(token) for token in shown],
            "pieces": [display_piece(piece) for piece in pieces],
            "drawn": int(draw.token),
            "ends": ends,
            "stages": [_packed(stage, shown) for stage in draw.stages],
            "race": _packed_race(draw, shown),
        },
        on_put_change=put,
        on_undone_change=back,
    )


def _packed(stage: Stage, shown: Sequence[int]) -> dict[str, Any]:
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


def _packed_race(draw: Draw, shown: Sequence[int]) -> dict[str, Any] | None:
    """Pack the dice of the tokens shown, and the first arrival among the others."""
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
