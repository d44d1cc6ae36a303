"""Positions: how a model that sees a set of tokens learns of their order.

Three kinds of answer. *Absolute* schemes add a vector to each embedding (learned,
sinusoidal). RoPE *turns* queries and keys, so that their product depends on how far
apart they are. *Biases* add a number to each attention score (ALiBi, relative).
With `none`, only the causal mask tells early from late.

Before: token embeddings. Next: attention.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from minigpt.config import ModelConfig


def causal_mask(
    q_len: int, k_len: int, device: torch.device, window: int | None = None
) -> Bool[Tensor, "{q_len} {k_len}"]:
    """Return which keys each query may read: its own token's and earlier ones.

        mask[q, k] = 0 ≤ q + (k_len − q_len) − k < window       [q_len k_len]

    The last query stands at the last key. So one rule serves training (q_len equals
    k_len), a prompt read in chunks, and a new token after a cached text.

    >>> causal_mask(2, 3, torch.device("cpu")).int().tolist()
    [[1, 1, 0], [1, 1, 1]]
    >>> causal_mask(2, 3, torch.device("cpu"), window=2).int().tolist()
    [[1, 1, 0], [0, 1, 1]]

    Args:
        q_len: Number of queries.
        k_len: Number of keys.
        device: Where to make it.
        window: How many of the tokens so far may be read (none: all).

    Source: for the window, Beltagy et al. 2020, arXiv:2004.05150, section 3.1; Jiang et
    al. 2023, arXiv:2310.06825 ("Mistral"), section 2.
    """
    distance = distances(q_len, k_len, device)
    may_read = distance >= 0
    return may_read if window is None else may_read & (distance < window)


def distances(
    q_len: int, k_len: int, device: torch.device
) -> Int[Tensor, "q_pos k_pos"]:
    """Return how many tokens each key stands before each query, negative if after."""
    k_positions = torch.arange(k_len, device=device)
    q_positions = k_positions[k_len - q_len :]
    return q_positions[:, None] - k_positions[None, :]


class LearnedPositions(nn.Module):
    """A learned vector for each position, added to the embedding, as in GPT-2.

    x[b, p] = W_E[token] + W_pos[p]        W_pos: [max_seq_len d_model]
    """

    def __init__(self, max_seq_len: int, d_model: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(max_seq_len, d_model))

    def forward(self, start: int, length: int) -> Float[Tensor, "pos d_model"]:
        """Return the vectors of positions start … start + length − 1."""
        return self.weight[start : start + length]


class SinusoidalPositions(nn.Module):
    """A fixed vector for each position: waves from short to long.

        PE(pos, 2i)     = sin(pos / 10000^(2i / d_model))
        PE(pos, 2i + 1) = cos(pos / 10000^(2i / d_model))

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
    """

    table: Tensor

    def __init__(self, max_seq_len: int, d_model: int) -> None:
        super().__init__()
        positions = torch.arange(max_seq_len)[:, None]
        frequencies = 10_000.0 ** (-torch.arange(0, d_model, 2) / d_model)
        table = torch.zeros(max_seq_len, d_model)
        table[:, 0::2] = torch.sin(positions * frequencies)
        table[:, 1::2] = torch.cos(positions * frequencies[: d_model // 2])
        self.register_buffer("table", table, persistent=False)

    def forward(self, start: int, length: int) -> Float[Tensor, "pos d_model"]:
        """Return the vectors of positions start … start + length − 1."""
        return self.table[start : start + length]


class RotaryPositions(nn.Module):
    """RoPE: rotate each pair of numbers of a query or key, by more at later positions.

        angle(pos, i) = pos · speed(i),  speed(i) = base^(−2i / d),  i = 0 … d / 2 − 1

    The product of a query and a key then depends on their contents and on the
    distance between them. Number i is paired with number i + d / 2 (as in Llama). The
    first d numbers of a head are turned: all d_head, unless `rope_dim` says fewer.

    Source: Su et al. 2021, arXiv:2104.09864, eq. 34.
    """

    angles: Tensor

    def __init__(self, max_seq_len: int, speeds: Float[Tensor, " pair"]) -> None:
        super().__init__()
        angles = torch.arange(max_seq_len)[:, None] * speeds
        self.register_buffer("angles", angles, persistent=False)  # [pos pair]

    def forward(
        self, x: Float[Tensor, "batch pos head d_head"], start: int
    ) -> Float[Tensor, "batch pos head d_head"]:
        """Turn queries or keys whose first position is `start`."""
        angles = self.angles[start : start + x.shape[1], None, :].to(x.dtype)
        cos, sin = angles.cos(), angles.sin()  # [pos 1 pair]
        width = 2 * angles.shape[-1]
        first, second = x[..., :width].chunk(2, dim=-1)
        turned = (first * cos - second * sin, second * cos + first * sin)
        return torch.cat((*turned, x[..., width:]), dim=-1)


def rope_speeds(config: ModelConfig) -> Float[Tensor, " pair"]:
    """Return how far RoPE turns each pair from one position to the next, in radians.

        speed(i) = base^(−2i / d)
        slowed:    speed · (share + (1 − share) / factor)
        share    = 0 … 1 as the pair's turns in the trained length go from slow to fast,
                   or (YaRN) as its number goes from the slow pair's to the fast one's

    A model is stretched to longer texts by slowing its pairs: all alike (linear), or
    only those whose turn is longer than the texts that it was trained on.
    An odd last number of a head is left out: it has no partner.

    Source: Chen et al. 2023, arXiv:2306.15595, eq. 4, for all alike; Llama 3.1's model
    card and Peng et al. 2023, arXiv:2309.00071, section 3.2, for some.
    """
    width = config.rope_dim or config.d_head - config.d_head % 2
    speeds = config.rope_base ** (-torch.arange(0, width, 2) / width)
    if config.rope_factor == 1.0:
        return speeds
    if config.rope_trained_length is None:
        return speeds / config.rope_factor
    if config.rope_ramp == "pairs":
        first, last = yarn_pairs(config)
        share = ((last - torch.arange(len(speeds))) / (last - first)).clamp(0.0, 1.0)
    else:
        turns = config.rope_trained_length * speeds / math.tau
        slow, fast = config.rope_slow_turns, config.rope_fast_turns
        share = ((turns - slow) / (fast - slow)).clamp(0.0, 1.0)
    return speeds * (share + (1.0 - share) / config.rope_factor)


def yarn_pairs(config: ModelConfig) -> tuple[int, float]:
    """Return the last pair that keeps its speed, and the first that is slowed fully.

        pair(turns) = d ln(trained length / (2π turns)) / (2 ln base)

    Rounded outwards, and kept among the numbers that are turned.

    Source: Peng et al. 2023, arXiv:2309.00071, section 3.2, and its program.
    """
    width, length = config.rope_dim or config.d_head, config.rope_trained_length or 1

    def pair(turns: float) -> float:
        beyond = math.log(length / (math.tau * turns))
        return width * beyond / (2 * math.log(config.rope_base))

    first = max(math.floor(pair(config.rope_fast_turns)), 0)
    last = min(math.ceil(pair(config.rope_slow_turns)), width - 1)
    return first, float(last) if last > first else first + 0.001


class AlibiBias(nn.Module):
    """ALiBi: lower each score by the distance times the head's slope.

        bias(head, q, k) = −slope(head) · (q − k),  slope = 2^(−8 (head + 1) / heads)

    Source: Press et al. 2022, arXiv:2108.12409, section 3.
    """

    def __init__(self, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads

    def forward(
        self, q_len: int, k_len: int, device: torch.device
    ) -> Float[Tensor, "head q_pos k_pos"]:
        """Return what to add to the scores, −inf in the future."""
        return _alibi(self.num_heads, q_len, k_len, device)


def alibi_slopes(num_heads: int) -> Float[Tensor, " head"]:
    """Return each head's penalty per token of distance, in logits."""
    return 2.0 ** (-8.0 * torch.arange(1, num_heads + 1) / num_heads)


@lru_cache(maxsize=32)
def _alibi(num_heads: int, q_len: int, k_len: int, device: torch.device) -> Tensor:
    # The same for every layer and step, so it is kept; made outside inference mode,
    # because a training step may be the next to use it.
    with torch.inference_mode(False):  # torch.compile reads no keyword here
        distance = distances(q_len, k_len, device)
        bias = -alibi_slopes(num_heads).to(device)[:, None, None] * distance
        return bias.masked_fill(distance < 0, -math.inf)


class RelativeBias(nn.Module):
    """A learned bias for each head and each distance, starting at zero.

        bias(head, q, k) = gain(head) · table(head, q − k)

    Distances beyond the table share its last bias. The gain makes a small step of the
    optimizer change the scores about as much as it changes them through the weights.
    Of two heads, the one with the larger gain learns to read a fixed distance first.

    Args:
        num_heads: Rows of the table.
        num_distances: Columns of the table.
        gain: One number for all heads, or one for each.

    Source: Raffel et al. 2020, arXiv:1910.10683, section 2.1, with one bucket per
    distance.
    """

    gain: Tensor  # [head 1]

    def __init__(
        self, num_heads: int, num_distances: int, gain: float | Sequence[float]
    ) -> None:
        super().__init__()
        gains = list(gain) if isinstance(gain, Sequence) else [gain] * num_heads
        column = torch.tensor(gains, dtype=torch.float32)[:, None]
        self.register_buffer("gain", column, persistent=False)
        self.bias_table = nn.Parameter(torch.zeros(num_heads, num_distances))

    def forward(
        self,
        q_len: int,
        k_len: int,
        device: torch.device,  # noqa: ARG002  the table's own
    ) -> Float[Tensor, "head q_pos k_pos"]:
        """Return what to add to the scores, −inf in the future."""
        # Every row is a part of one line, which begins a place later the later the
        # query: b₃ b₂ b₁ b₀ −∞ −∞ −∞. Much quicker than to look up each distance.
        table = self.gain * self.bias_table
        beyond = k_len - table.shape[1]
        if beyond > 0:
            table = torch.cat([table, table[:, -1:].expand(-1, beyond)], dim=1)
        line = F.pad(table[:, :k_len].flip(1), (0, q_len - 1), value=-math.inf)
        return line.unfold(1, k_len, 1).flip(1)


def build_absolute_positions(
    config: ModelConfig,
) -> LearnedPositions | SinusoidalPositions | None:
    """Choose what is added to the embeddings, if anything."""
    if config.positional_encoding == "learned":
        return LearnedPositions(config.max_seq_len, config.d_model)
    if config.positional_encoding == "sinusoidal":
        return SinusoidalPositions(config.max_seq_len, config.d_model)
    return None


def build_rotary(config: ModelConfig, layer: int = 0) -> RotaryPositions | None:
    """Choose what turns a layer's queries and keys, if anything."""
    if config.positional_encoding == "rope":
        return RotaryPositions(config.max_seq_len, rope_speeds(config.as_in(layer)))
    return None


def build_attention_bias(config: ModelConfig) -> AlibiBias | RelativeBias | None:
    """Choose what is added to attention scores, if anything."""
    if config.positional_encoding == "alibi":
        return AlibiBias(config.num_heads)
    if config.positional_encoding == "relative":
        return RelativeBias(
            config.num_heads, config.relative_distances, config.relative_gain
        )
    return None
