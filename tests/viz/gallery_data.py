"""Invented patterns and steps of every common kind, for the gallery."""

import numpy as np

PIECES = ["The", " cat", " sat", "\n", '<b>&"', " it", " was", " the", " cat", "."]
LAYERS, HEADS, COUNT = 3, 4, len(PIECES)


def made_up_patterns(count: int, layers: int, heads: int) -> np.ndarray:
    """Return causal patterns of every common kind, [layer head q_pos k_pos]."""
    generator = np.random.default_rng(0)
    query, key = np.indices((count, count))
    scores = generator.normal(0, 1.5, (layers, heads, count, count))
    scores[0, 1] += 6.0 * (key == query - 1)
    scores[1, 2] += 4.0 * (key == 0)
    scores[layers - 1, 0] += 6.0 * (key == query - count // 2)
    scores[..., key > query] = -np.inf
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def made_up_steps() -> list[dict]:
    steps = []
    for place, piece in enumerate([" a", " dog", "\n", "<i>", " ran", "."]):
        chance = (0.9, 0.31, 0.62, 0.0004, 0.12, 0.99)[place]
        others = [
            {
                "piece": f" other{n}",
                "token": 100 + n,
                "raw": (1 - chance) / 2**n,
                "filtered": 0.0 if n > 2 else (1 - chance) / 2 ** (n - 1),
            }
            for n in range(1, 5)
        ]
        own = {"piece": piece, "token": place, "raw": chance, "filtered": chance}
        steps.append(
            {
                "piece": piece,
                "token": place,
                "probability": chance,
                "entropy": 1.5 - chance,
                "alternatives": [own, *others],
            }
        )
    return steps


def made_up_values(rows: int, columns: int) -> np.ndarray:
    """Return signed numbers with nothing in one corner, [row col]."""
    values = np.random.default_rng(1).normal(0, 2, (rows, columns))
    values[0, 0] = -1e-9  # To be printed without a sign.
    values[-1, -1] = np.nan
    return values
