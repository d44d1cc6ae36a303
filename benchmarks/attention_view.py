"""All heads to the browser: bytes, and the time to make them, against BertViz.

    python benchmarks/attention_view.py

Patterns of 12 × 12 heads become what a browser is given; both sides get the same random
causal attention, and take turns; medians.

- *BertViz*: `model_view` writes each weight as text into HTML, twice.
- *ours, every weight*: one byte each (right to 1/510), in base64, the future left out.
- *ours, the page*: what the Head explorer's grid is given: thumbnails of 64 × 64 or
  less, each cell a patch's largest weight. The chosen head comes whole besides.

BertViz runs here where it is installed (`pip install bertviz==1.4.1 ipython`); else its
bytes are quoted, which hardly change, and no times. Attention that reads the future too
makes it 1.6 × as large: 103.7 MB at 128 tokens.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from viz.attention import Array, pack_bytes
from viz.components.head_grid.view import thumbnails

LAYERS, HEADS = 12, 12
LENGTHS = (32, 64, 128)
QUOTED = {32: 4.00e6, 64: 15.94e6, 128: 64.04e6}
"""BertViz's bytes."""

Maker = Callable[[], int]
"""Makes what the browser gets; returns its length in bytes."""


def causal_patterns(length: int) -> Array:
    """Return random attention, [layer head q_pos k_pos], nobody reading the future."""
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(LAYERS, HEADS, length, length, generator=generator)
    future = torch.ones(length, length).triu(diagonal=1).bool()
    return scores.masked_fill(future, -torch.inf).softmax(dim=-1).numpy()


def every_weight(patterns: Array) -> Maker:
    """Return a maker of all weights, a byte each."""
    rows, columns = np.tril_indices(patterns.shape[-1])

    def make() -> int:
        return len(pack_bytes(patterns[..., rows, columns]))

    return make


def the_page(patterns: Array) -> Maker:
    """Return a maker of what the Head explorer's grid is given."""
    return lambda: len(str(thumbnails(patterns)["weights"]))


def bertviz(patterns: Array) -> Maker | None:
    """Return a maker of BertViz's page, if it is installed."""
    try:
        from bertviz import model_view
    except ImportError:
        return None
    layers = list(torch.from_numpy(patterns)[:, None])  # each [batch head q_pos k_pos]
    tokens = [f"t{place}" for place in range(patterns.shape[-1])]

    def make() -> int:
        html = model_view(layers, tokens, html_action="return")
        return len(html.data.encode())

    return make


def measure(makers: dict[str, Maker], rounds: int) -> dict[str, tuple[int, float]]:
    """Run all makers in turn; return each one's bytes and median seconds."""
    sizes = {name: make() for name, make in makers.items()}
    times: dict[str, list[float]] = {name: [] for name in makers}
    for turn in range(rounds):
        for name in makers if turn % 2 else reversed(makers):
            start = time.perf_counter()
            makers[name]()
            times[name].append(time.perf_counter() - start)
    return {name: (sizes[name], statistics.median(times[name])) for name in makers}


def row(name: str, found: tuple[int, float], peer: tuple[float, float | None]) -> str:
    """Return one line of the table."""
    (size, seconds), (their_size, their_seconds) = found, peer
    quicker = f"{their_seconds / seconds:>9.0f} ×" if their_seconds else ""
    return (
        f"  {name:<24}{size:>13,}{their_size / size:>9.0f} ×"
        f"{1e3 * seconds:>10.1f} ms{quicker}"
    )


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="of each length")
    arguments = parser.parse_args()
    for length in LENGTHS:
        patterns = causal_patterns(length)
        makers = {
            "ours, every weight": every_weight(patterns),
            "ours, the page": the_page(patterns),
        }
        theirs = bertviz(patterns)
        if theirs is not None:
            makers["BertViz"] = theirs
        found = measure(makers, arguments.rounds)
        where = "measured here" if theirs else "quoted: it is not installed here"
        peer = found.pop("BertViz", (QUOTED[length], None))
        seconds = f"{1e3 * peer[1]:>21.1f} ms" if peer[1] else ""
        print(
            f"{LAYERS} × {HEADS} heads, {length} tokens: bytes, smaller, time, quicker"
        )
        print(f"  {'BertViz':<24}{peer[0]:>13,.0f}{seconds}   ({where})")
        for name, values in found.items():
            print(row(name, values, peer), flush=True)


if __name__ == "__main__":
    main()
