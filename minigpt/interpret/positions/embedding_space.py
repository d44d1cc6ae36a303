"""The embedding as a space: which tokens lie near each other, and along what.

Each token is one row of a table, a point in d_model dimensions. Points near each other
in *direction* have similar effects on the layers that read them. 128 dimensions cannot
be drawn. Principal components are the two or three directions along which the points
differ most; their share of the variance says how much a picture leaves out.

Before: a tokenizer's ids. Next: `position_views`, how a model knows the order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open

from minigpt.checkpoint.load import find_checkpoint
from minigpt.checkpoint.save import WEIGHTS_FILE
from minigpt.checkpoint.tensors import read_header, unreadable
from minigpt.interpret.corpora import Windows
from minigpt.model import LanguageModel

Table = Float[np.ndarray, "vocab d_model"]
Which = Literal["embedding", "unembedding"]
NAMES = {"embedding": "token_embedding.weight", "unembedding": "head.weight"}


@dataclass(frozen=True)
class Neighbours:
    """The tokens whose vectors point most nearly the same way as one token's."""

    tokens: list[int]
    """Ids, nearest first; without the token itself."""
    cosines: Float[np.ndarray, " neighbour"]
    """From −1, opposite, through 0, unrelated, to 1, the same direction."""


@dataclass(frozen=True)
class Components:
    """The directions along which some vectors differ most."""

    mean: Float[np.ndarray, " d_model"]
    directions: Float[np.ndarray, "component d_model"]
    """Of length 1 and at right angles; the one with the most variance first."""
    explained: Float[np.ndarray, " component"]
    """Share of all variance along each, 0–1."""

    def project(
        self, vectors: Float[np.ndarray, "point d_model"]
    ) -> Float[np.ndarray, "point component"]:
        """Return where vectors lie along the directions, seen from the mean."""
        points: np.ndarray = (vectors - self.mean) @ self.directions.T
        return points


@dataclass(frozen=True)
class Drift:
    """Some tokens' vectors at several steps of a training."""

    steps: list[int]
    tokens: list[int]
    paths: Float[np.ndarray, "step token component"]
    """In the plane of the last step, so that only the tokens move."""
    cosines: Float[np.ndarray, "step token"]
    """Of each token with the first one, at that step."""
    explained: Float[np.ndarray, " component"]


def token_table(model: LanguageModel, which: Which = "embedding") -> Table:
    """Return one row per token: what it is read as, or what it is written with.

    Args:
        model: Any language model.
        which: With tied weights, both are the same table. An MLP's unembedding reads
            its hidden layer instead of the embeddings' space; it still has one row per
            token.
    """
    own = which == "unembedding" and not model.ties_embeddings
    weight = model.head.weight if own else model.token_embedding.weight
    table: np.ndarray = weight.detach().float().cpu().numpy()
    return table


def nearest(table: Table, token: int, count: int = 8) -> Neighbours:
    """Find the tokens with the largest cosine to a token's vector.

        cos(a, b) = a · b / (‖a‖ ‖b‖)

    Args:
        table: One row per token.
        token: Whose neighbours.
        count: How many.
    """
    cosines = cosines_with(table, token)
    cosines[token] = -np.inf
    count = min(count, len(table) - 1)
    best = np.argsort(-cosines, kind="stable")[:count]
    return Neighbours(best.tolist(), cosines[best])


def share_beside_own_kind(table: Table, kinds: Mapping[int, str]) -> float:
    """Return how many tokens have a neighbour of their own kind, from 0 to 1.

    A token's neighbour is the nearest of all tokens, those of no kind included: the
    share is high where kinds lie apart in the table, and near 0 in a random one.

    Args:
        table: One row per token.
        kinds: Of some ids, such as `kinds_of_tokens` returns.
    """
    beside = [
        kinds.get(nearest(table, token, 1).tokens[0]) == kind
        for token, kind in kinds.items()
    ]
    return sum(beside) / len(beside)


def cosines_with(table: Table, token: int) -> Float[np.ndarray, " vocab"]:
    """Return the cosine of every token's vector with one token's; 0 for a zero."""
    lengths = np.linalg.norm(table, axis=1)
    products = table @ table[token]
    scale = lengths * lengths[token]
    return np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)


def mean_cosine(table: Table) -> float:
    """Return the mean cosine of two different rows of a table.

        (‖Σ u‖² − n) / (n (n − 1)),  u = row / ‖row‖

    Args:
        table: Two rows or more.
    """
    units, count = _units(table), len(table)
    own = float((units * units).sum())
    return float(((units.sum(axis=0) ** 2).sum() - own) / (count * (count - 1)))


def least_cosine(table: Table) -> float:
    """Return the cosine of the two rows of a table that are least alike.

    Args:
        table: Two rows or more.
    """
    units = _units(table)
    return float((units @ units.T).min())


def _units(table: Table) -> Table:
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    return np.divide(table, lengths, out=np.zeros_like(table), where=lengths > 0)


def random_nearest(width: int, count: int) -> float:
    """Return the cosine of the nearest of some random directions: its median.

        P(cosine ≤ c) ∝ ∫ (1 − t²)^((width − 3) / 2) dt from −1 to c;  P = 2^(−1/count)

    What a table of random numbers would show; only a larger cosine says anything.

    Args:
        width: Numbers in a vector, two or more.
        count: Vectors that are compared with one.
    """
    # By the angle: its density, sin^(width − 2), is finite at both ends.
    angles = np.linspace(0.0, np.pi, 100_001)
    density = np.sin(angles) ** (width - 2)
    shares = np.cumsum(density) / density.sum()
    nearer = 1 - 2 ** (-1 / count)
    return float(np.cos(np.interp(nearer, shares, angles)))


def principal_components(
    vectors: Float[np.ndarray, "point d_model"], count: int = 3
) -> Components:
    """Find the directions of most variance.

        X − mean = U S Vᵀ;  directions = rows of Vᵀ;  explained = S² / Σ S²

    A direction and its opposite are as good: each is turned so that its largest number
    is positive, and the same vectors always give the same picture.

    Args:
        vectors: The points, at least one.
        count: How many directions; fewer where the points span fewer.

    Source: Pearson 1901, "On lines and planes of closest fit".
    """
    mean = vectors.mean(axis=0)
    _, sizes, directions = np.linalg.svd(vectors - mean, full_matrices=False)
    variance = sizes**2
    shares = variance / variance.sum() if variance.sum() > 0 else variance
    largest = np.abs(directions).argmax(axis=1)
    signs = np.sign(directions[np.arange(len(directions)), largest])
    turned = directions * np.where(signs == 0, 1, signs)[:, None]
    return Components(mean, turned[:count], shares[:count])


def frequent_tokens(windows: Windows, count: int) -> list[int]:
    """Return the commonest tokens of some text, the commonest first."""
    ids, counts = np.unique(windows, return_counts=True)
    return [int(token) for token in ids[np.argsort(-counts, kind="stable")][:count]]


def sampled_tokens(
    size: int, most: int, always: Sequence[int] = (), seed: int = 0
) -> Int[np.ndarray, " token"]:
    """Return all ids, or of a large vocabulary some, in their order.

    Args:
        size: Of the vocabulary.
        most: How many may be drawn.
        always: Ids that must be among them.
        seed: Same seed, same tokens.
    """
    if size <= most:
        return np.arange(size)
    drawn = np.random.default_rng(seed).choice(size, most, replace=False)
    return np.union1d(drawn, np.asarray(always, dtype=np.int64))


def saved_table(directory: Path, which: Which = "embedding") -> Table:
    """Read one table of a checkpoint, and nothing else of it.

    Raises:
        CheckpointError: If there is no checkpoint, or its weights are damaged.
    """
    path = find_checkpoint(directory) / WEIGHTS_FILE
    name = NAMES[which] if NAMES[which] in read_header(path) else NAMES["embedding"]
    try:
        with safe_open(path, framework="np") as file:
            tensor = file.get_tensor(name)
    except (OSError, SafetensorError) as error:
        raise unreadable(path, error) from None
    table: np.ndarray = tensor.astype(np.float32)
    return table


def drift(
    checkpoints: Sequence[tuple[int, Path]],
    tokens: Sequence[int],
    which: Which = "embedding",
    plane: Sequence[int] | None = None,
) -> Drift:
    """Follow some tokens through a training.

    Args:
        checkpoints: Steps in order, and where each is saved.
        tokens: Whom to follow; cosines are with the first.
        which: In which table.
        plane: The tokens whose components at the last step make the plane; by default
            all of the vocabulary.

    Raises:
        CheckpointError: If a checkpoint is missing.
    """
    last = saved_table(checkpoints[-1][1], which)
    basis = principal_components(last if plane is None else last[list(plane)], 2)
    paths, cosines = [], []
    for _, directory in checkpoints:
        table = saved_table(directory, which)[list(tokens)]
        paths.append(basis.project(table))
        cosines.append(cosines_with(table, 0))
    return Drift(
        steps=[step for step, _ in checkpoints],
        tokens=list(tokens),
        paths=np.stack(paths),
        cosines=np.stack(cosines),
        explained=basis.explained,
    )
