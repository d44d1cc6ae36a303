"""Positions by hand: a vector, an angle or a bias for each position or distance.

Beside it: `minigpt.model.positions`, the modules that a model is built from, and
`minigpt.interpret.positions`, which measures what they do.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.config import ModelConfig
from minigpt.model import LanguageModel
from minigpt.model.positions import RelativeBias, yarn_pairs


def sinusoidal_vectors(length: int, d_model: int) -> Float[Tensor, "pos d_model"]:
    """Return what is added to the embedding at each position.

        v[pos, 2i] = sin(pos / 10000^(2i / d)),  v[pos, 2i + 1] = cos(the same)

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
    """
    positions = torch.arange(length)[:, None]
    frequencies = 10_000.0 ** (-torch.arange(0, d_model, 2) / d_model)
    vectors = torch.zeros(length, d_model)
    vectors[:, 0::2] = torch.sin(positions * frequencies)
    vectors[:, 1::2] = torch.cos(positions * frequencies[: d_model // 2])
    return vectors


def mean_cosine_by_distance(
    vectors: Float[Tensor, "pos d_model"],
) -> Float[Tensor, "1 distance"]:
    """Return the mean cosine of two positions' vectors for each distance.

        c(far) = mean over p of cos(v[p], v[p + far])

    Args:
        vectors: One for each position.
    """
    unit = torch.nn.functional.normalize(vectors, dim=-1)
    cosines = unit @ unit.T
    means = [cosines.diagonal(far).mean() for far in range(len(vectors))]
    return torch.stack(means)[None]


def rope_speeds(config: ModelConfig) -> Float[Tensor, " pair"]:
    """Return how far RoPE turns each pair from one position to the next, in radians.

        speed(i) = base^(−2i / d)

    In a model that was stretched to read longer texts, pairs that hardly turn in the
    texts it was made for are `rope_factor` times slower, fast ones as they were.

    Source: Su et al. 2021, arXiv:2104.09864, eq. 34; Llama 3.1's model card.
    """
    width = config.rope_dim or config.d_head - config.d_head % 2
    speeds = config.rope_base ** (-torch.arange(0, width, 2) / width)
    slowest = speeds / config.rope_factor
    if config.rope_trained_length is None:
        return slowest
    turns = config.rope_trained_length * speeds / (2 * torch.pi)
    begin, end = config.rope_slow_turns, config.rope_fast_turns
    share = ((turns - begin) / (end - begin)).clamp(0, 1)
    if config.rope_ramp == "pairs":  # YaRN: even steps between two whole pairs
        first, last = yarn_pairs(config)
        share = ((last - torch.arange(width // 2)) / (last - first)).clamp(0, 1)
    return share * speeds + (1 - share) * slowest


def rope_by_distance(
    speeds: Float[Tensor, " pair"], length: int, d_head: int
) -> Float[Tensor, "1 distance"]:
    """Return what is left of q · k at each distance, where q equals k.

        r(far) = mean over pairs i of cos(far · speed(i))

    Args:
        speeds: Of the pairs that turn; others stand still, with a cosine of 1.
        length: How many distances.
        d_head: Width of a head: two numbers for each pair.

    Source: Su et al. 2021, arXiv:2104.09864, section 3.4.3.
    """
    turned = torch.cos(torch.arange(length)[:, None] * speeds).sum(1)
    return ((turned + d_head // 2 - len(speeds)) / (d_head // 2))[None]


def alibi_by_distance(num_heads: int, length: int) -> Float[Tensor, "head distance"]:
    """Return what each head adds to a score at each distance, in logits.

        b(h, far) = −far · 2^(−8 h / H),  h = 1 … H

    Source: Press et al. 2021, arXiv:2108.12409, section 3.
    """
    slopes = 2.0 ** (-8.0 * torch.arange(1, num_heads + 1) / num_heads)
    return -slopes[:, None] * torch.arange(length)


def relative_by_distance(
    bias: RelativeBias, length: int
) -> Float[Tensor, "head distance"]:
    """Return what each head learned to add to a score at each distance, in logits.

        b(h, far) = gain(h) · table(h, min(far, last))

    Source: Raffel et al. 2020, arXiv:1910.10683, section 2.1.
    """
    table = bias.gain * bias.bias_table
    far = torch.arange(length).clamp(max=table.shape[1] - 1)
    return table[:, far]


def biases_of_pairs(
    by_distance: Float[Tensor, " distance"],
) -> Float[Tensor, "q_pos k_pos"]:
    """Lay one head's biases out by query and key; NaN where the key is later."""
    positions = torch.arange(len(by_distance))
    distance = positions[:, None] - positions
    biases = by_distance[distance.clamp(min=0)]
    return biases.masked_fill(distance < 0, torch.nan)


def rope_scores(
    query: Float[Tensor, " d_head"],
    key: Float[Tensor, " d_head"],
    places: Sequence[tuple[int, int]],
    speeds: Float[Tensor, " pair"],
) -> list[float]:
    """Return the score of a query and a key as if they stood at other positions.

        score(m, n) = R(m) q · R(n) k / √d

    R(m) turns the pair (x[i], x[i + number of pairs]) by the angle m · speed(i).

    Args:
        query: Before it is turned.
        key: Before it is turned.
        places: Pairs of positions, of the query and of the key.
        speeds: Of the pairs that turn; what is left of the vector stays as it is.

    Source: Su et al. 2021, arXiv:2104.09864, eq. 34.
    """
    pairs = len(speeds)

    def turn(x: Tensor, position: int) -> Tensor:
        first, second, rest = x[:pairs], x[pairs : 2 * pairs], x[2 * pairs :]
        cos, sin = (position * speeds).cos(), (position * speeds).sin()
        turned = (first * cos - second * sin, second * cos + first * sin)
        return torch.cat((*turned, rest))

    return [
        (turn(query, m) @ turn(key, n)).item() / len(query) ** 0.5 for m, n in places
    ]


def change_when_shuffled(
    model: LanguageModel, tokens: Int[Tensor, "1 pos"], order: Sequence[int]
) -> float:
    """Return by how much a shuffle changes the probability of any next token, at most.

        max over t of |p(t | shuffled text) − p(t | text)|

    Args:
        model: Any language model.
        tokens: The text.
        order: Where each token of the shuffled text stood.
    """
    before = model(tokens)[0, -1].softmax(-1)
    after = model(tokens[:, list(order)])[0, -1].softmax(-1)
    return (after - before).abs().max().item()
