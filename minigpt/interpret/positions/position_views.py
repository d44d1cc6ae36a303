"""What each position scheme does, as numbers: a table, an angle, a bias.

Three kinds of picture, as in `minigpt.model.positions`, and always from its classes:
a vector per position (learned, sinusoidal), an angle per position and pair (RoPE), a
number per head and distance (ALiBi, relative). And their common consequence: what
depends on how far apart two tokens are.

Before: `embedding_space`. Next: `word_order`, what is lost without positions.
"""

from dataclasses import dataclass
from typing import cast, get_args

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from minigpt.config import ModelConfig
from minigpt.config.own_model import PositionalEncoding
from minigpt.errors import DataError
from minigpt.interpret.corpora import Windows
from minigpt.interpret.heads.attention_steps import shared_head
from minigpt.model import TransformerLM
from minigpt.model.block import Block
from minigpt.model.positions import (
    AlibiBias,
    LearnedPositions,
    RelativeBias,
    SinusoidalPositions,
    alibi_slopes,
    rope_speeds,
)

SCHEMES: tuple[PositionalEncoding, ...] = get_args(PositionalEncoding)

FORMULA_ALONE = ("sinusoidal", "rope", "alibi", "none")
"""Schemes without weights: exact for any model's sizes, trained with them or not."""

ANY_LENGTH = ("sinusoidal", "rope", "alibi", "relative", "none")
"""Schemes that say something about positions that no training text had."""


@dataclass(frozen=True)
class Distances:
    """What a scheme makes of how far apart two tokens are."""

    distances: Int[np.ndarray, " distance"]
    values: Float[np.ndarray, "series distance"]
    """One series, or one for each head."""
    meaning: str
    """What a value is, with its unit."""


@dataclass(frozen=True)
class Turning:
    """A query and a key as RoPE turns them: pairs of numbers and their speeds."""

    query: Float[np.ndarray, " d_head"]
    """`hook_q`: before it is turned, pair by pair (see `speeds`)."""
    key: Float[np.ndarray, " d_head"]
    speeds: Float[np.ndarray, " pair"]
    """Radians that each pair turns per position; number i goes with i + d_head / 2.

    Numbers that RoPE leaves alone make pairs of speed 0, the last ones."""

    def score(self, q_pos: int, k_pos: int) -> float:
        """Return q · k / √d_head with the two at any positions.

        Turning both is turning one by the difference: pairs as complex numbers,
        q · k = Re Σ q̄ k exp(i (k_pos − q_pos) speed).
        """
        half = len(self.speeds)
        q = self.query[:half] + 1j * self.query[half:]
        k = self.key[:half] + 1j * self.key[half:]
        turned = q.conj() * k * np.exp(1j * (k_pos - q_pos) * self.speeds)
        return float(turned.real.sum() / np.sqrt(2 * half))


def is_known(model: TransformerLM, scheme: str) -> bool:
    """Whether a scheme has numbers here: its formula suffices, or it was learned."""
    return scheme in FORMULA_ALONE or scheme == model.config.positional_encoding


def position_vectors(
    model: TransformerLM, scheme: str, length: int
) -> Float[np.ndarray, "pos d_model"]:
    """Return what is added to the embeddings, row by row.

    Args:
        model: Whose learned table, or whose width.
        scheme: `learned` or `sinusoidal`.
        length: Positions. A learned table ends where it ends.
    """
    table: LearnedPositions | SinusoidalPositions | None
    if scheme == "learned":
        table = model.position_embedding
        length = min(length, model.config.max_seq_len)
    else:
        table = SinusoidalPositions(length, model.config.d_model)
    if table is None:
        raise DataError("This model has no learned vectors of positions.")
    return _array(table(0, length))


def by_distance(
    model: TransformerLM, scheme: str, layer: int, length: int
) -> Distances | None:
    """Return what distance does; None where it does nothing.

    Args:
        model: Whose weights and sizes.
        scheme: One that `is_known`.
        layer: Whose biases; `relative` differs between layers, and RoPE where those
            with a window have a base of their own.
        length: Distances 0 … length − 1.
    """
    config, far = model.config, torch.arange(length)
    if scheme in ("learned", "sinusoidal"):
        cosines = _similarity_by_distance(position_vectors(model, scheme, length))
        return Distances(
            np.arange(len(cosines)), cosines[None], "cosine of two positions' vectors"
        )
    if scheme == "rope":
        kept = torch.cos(far[:, None] * speeds(config.as_in(layer))).mean(dim=1)
        return Distances(_ints(far), _array(kept)[None], "q · k left, where q = k")
    if scheme == "none":
        return None
    bias = head_bias(model, scheme, layer, length)
    return Distances(_ints(far), bias[:, -1, ::-1].copy(), "added to a score (logits)")


def head_bias(
    model: TransformerLM, scheme: str, layer: int, length: int
) -> Float[np.ndarray, "head q_pos k_pos"]:
    """Return what each head adds to its scores; −inf for later tokens.

    Args:
        model: Whose learned biases, or whose number of heads.
        scheme: `alibi` or `relative`.
        layer: Which block.
        length: Queries and keys.
    """
    bias: AlibiBias | RelativeBias | None = AlibiBias(model.config.num_heads)
    if scheme == "relative":
        bias = cast(Block, model.blocks[layer]).attn.position_bias
    if bias is None:
        raise DataError("This model has no learned biases.")
    return _array(bias(length, length, torch.device("cpu")))


def slopes(num_heads: int) -> list[float]:
    """Return ALiBi's penalty per token of distance for each head, in logits."""
    return [float(slope) for slope in alibi_slopes(num_heads)]


def speeds(config: ModelConfig) -> Float[Tensor, " pair"]:
    """Return how far RoPE turns each pair from one position to the next, in radians.

    Pairs of numbers that it leaves alone (see `rope_dim`) turn by 0.
    """
    turned = rope_speeds(config)
    return F.pad(turned, (0, config.d_head // 2 - len(turned)))


def _in_pairs(
    vector: Float[Tensor, " d_head"], config: ModelConfig
) -> Float[np.ndarray, " d_head"]:
    """Order a query or key so that number i and number i + d_head / 2 are a pair."""
    width = config.rope_dim or config.d_head
    halves = [part.chunk(2) for part in (vector[:width], vector[width:])]
    return _array(torch.cat([half[i] for i in range(2) for half in halves]))


def turning(
    model: TransformerLM, tokens: list[int], layer: int, head: int, query: int, key: int
) -> Turning:
    """Return one query and one key of a head, and RoPE's speeds.

    Args:
        model: Any transformer; one that has no RoPE shows what RoPE would do.
        tokens: The text it reads.
        layer: Which block.
        head: Which query head.
        query: Position of the query's token.
        key: Position of the key's.

    Raises:
        DataError: If the heads have an odd width: there are no pairs.
    """
    config = model.config
    if config.d_head % 2:
        raise DataError(
            f"RoPE turns pairs of numbers, and this model's heads are {config.d_head} "
            "wide, an odd number."
        )
    here = f"blocks.{layer}.attn."
    with torch.inference_mode():
        _, cache = model.run_with_cache(
            torch.tensor([tokens], device=model.device),
            names_filter=[here + "hook_q", here + "hook_k"],
        )
    return Turning(
        _in_pairs(cache[here + "hook_q"][0, query, head], config),
        _in_pairs(cache[here + "hook_k"][0, key, shared_head(model, head)], config),
        _array(speeds(config.as_in(layer))),
    )


def longer(model: TransformerLM, length: int) -> TransformerLM:
    """Return the same weights in a model that reads more tokens at once.

    Nothing is trained, nothing guessed: the scheme itself says what it says about
    positions beyond. The tensors are shared with the model.

    Args:
        model: With a scheme that has no end.
        length: The new `max_seq_len`.

    Raises:
        DataError: If positions are learned: there is no vector for what lies beyond.
    """
    config = model.config
    if config.positional_encoding not in ANY_LENGTH:
        raise DataError(
            f"Positions are rows of a learned table, and it has {config.max_seq_len}: "
            f"for position {config.max_seq_len} there is no vector, so this model "
            "cannot read on."
        )
    settings = {**config.to_dict(), "max_seq_len": length}
    with torch.random.fork_rng(devices=[]):  # making weights must not disturb a draw
        grown = TransformerLM(**settings)
    grown.load_state_dict(model.state_dict(), assign=True)
    return grown.to(model.device).eval().requires_grad_(False)


def loss_by_position(
    model: TransformerLM, windows: Windows
) -> Float[np.ndarray, " pos"]:
    """Return the mean loss on the next token after each position, in nats.

    Args:
        model: One that reads windows of this length.
        windows: Texts of one length.
    """
    total = np.zeros(windows.shape[1] - 1)
    with torch.inference_mode():
        for window in windows:
            tokens = torch.as_tensor(window, device=model.device)[None]
            log_probs = model(tokens)[0, :-1].float().log_softmax(-1)
            total -= _array(log_probs.gather(-1, tokens[0, 1:, None])[:, 0])
    losses: np.ndarray = total / len(windows)
    return losses


def _similarity_by_distance(
    vectors: Float[np.ndarray, "pos d_model"],
) -> Float[np.ndarray, " distance"]:
    """Average the cosine of two positions' vectors over all pairs equally far apart."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(lengths, 1e-12)
    cosines = unit @ unit.T
    return np.array([cosines.diagonal(far).mean() for far in range(len(vectors))])


def _ints(tensor: Tensor) -> np.ndarray:
    array: np.ndarray = tensor.numpy()
    return array


def _array(tensor: Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().float().cpu().numpy()
    return array
