"""What the Code buttons of "Embeddings and positions" show: a function and its call."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from minigpt.config import ModelConfig
from minigpt.interpret.positions.position_views import position_vectors
from minigpt.textbook import positions as by_hand

TABLES = {
    "embedding": "model.token_embedding.weight",
    "unembedding": "model.head.weight",
}


class Line(NamedTuple):
    """One line of a recipe: a function, its call, and what the call names besides."""

    function: Callable[..., Any]
    call: str
    also: Sequence[Callable[..., Any]] = ()


def vectors(config: ModelConfig, scheme: str, length: int) -> Line:
    """Return what gives the vectors of all positions, [pos d_model]."""
    if scheme == "learned":
        return Line(position_vectors, f"position_vectors(model, 'learned', {length})")
    call = f"sinusoidal_vectors({length}, {config.d_model})"
    return Line(by_hand.sinusoidal_vectors, call)


def by_distance(config: ModelConfig, scheme: str, layer: int, length: int) -> Line:
    """Return what gives a scheme's values by distance, [series distance]."""
    if scheme == "learned":
        table = f"model.position_embedding.weight[:{length}]"
        call = f"mean_cosine_by_distance({table})"
        return Line(by_hand.mean_cosine_by_distance, call)
    if scheme == "sinusoidal":
        function, table, _ = vectors(config, scheme, length)
        call = f"mean_cosine_by_distance({table})"
        return Line(by_hand.mean_cosine_by_distance, call, [function])
    if scheme == "rope":
        width = config.d_head - config.d_head % 2
        call = f"rope_by_distance({speeds(config, layer)}, {length}, {width})"
        return Line(by_hand.rope_by_distance, call, [by_hand.rope_speeds])
    if scheme == "alibi":
        call = f"alibi_by_distance({config.num_heads}, {length})"
        return Line(by_hand.alibi_by_distance, call)
    bias = f"model.blocks[{layer}].attn.position_bias"
    return Line(by_hand.relative_by_distance, f"relative_by_distance({bias}, {length})")


def speeds(config: ModelConfig, layer: int) -> str:
    """Return what gives the speeds of RoPE's pairs in a layer."""
    own = "" if config.rope_local_base is None else f".as_in({layer})"
    return f"rope_speeds(model.config{own})"
