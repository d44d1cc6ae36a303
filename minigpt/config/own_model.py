"""The first half of a model's settings: what its own recipes choose among.

GPT-2 is one point of this space, and the defaults below are that point: learned
positions, LayerNorm before each sublayer, GELU, biases, a tied head.

Next: `model`, which adds what models of other families need.
"""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Strict, Tag

from minigpt.config.base import AssignableConfig

PositionalEncoding = Literal[
    "learned", "sinusoidal", "rope", "alibi", "relative", "none"
]
Normalization = Literal["layernorm", "rmsnorm"]
Activation = Literal["gelu", "gelu_exact", "relu", "relu2", "swiglu", "geglu"]

MOST_LAYERS = 256
"""Blocks of a model."""


def one_or_several(value: Any) -> str:
    """Tell a list of numbers from one number."""
    return "numbers" if isinstance(value, list | tuple) else "number"


Gain = Annotated[float, Field(gt=0.0, le=100.0)]
GainOfHeads = Annotated[
    Annotated[Gain, Tag("number")]
    # JSON has lists and no tuples, so a list will do too.
    | Annotated[tuple[Gain, ...], Strict(False), Tag("numbers")],
    Discriminator(one_or_several),
]
"""One number for all heads, or one for each."""


class OwnModelConfig(AssignableConfig):
    """The settings that this project's own recipes use."""

    vocab_size: int = Field(
        1000, ge=1, le=2_000_000, description="Number of tokens; the tokenizer sets it."
    )
    d_model: int = Field(
        128, ge=1, le=32_768, description="Width of the residual stream, in numbers."
    )
    num_layers: int = Field(
        4,
        ge=1,
        le=MOST_LAYERS,
        description="Number of blocks; each builds on the ones before.",
    )
    num_heads: int = Field(
        4,
        ge=1,
        le=256,
        description="Attention heads per block; must divide d_model, unless head_dim "
        "is given.",
    )
    num_kv_heads: int | None = Field(
        None,
        ge=1,
        le=256,
        description="Key/value heads, each shared by a group of query heads to keep "
        "the cache small (none: as many as num_heads).",
    )
    d_ff: int | None = Field(
        None,
        ge=0,
        le=131_072,
        description="Hidden width of the MLP (none: 4 × d_model; 0: no MLP at all).",
    )
    max_seq_len: int = Field(
        128, ge=1, le=1_048_576, description="Longest text read at once, in tokens."
    )
    dropout: float = Field(
        0.0, ge=0.0, lt=1.0, description="Share of values zeroed to avoid overfitting."
    )
    positional_encoding: PositionalEncoding = Field(
        "learned", description="How the model is told the order of the tokens."
    )
    norm: Normalization = Field(
        "layernorm", description="How the stream is normalised before each sublayer."
    )
    norm_affine: bool = Field(
        True, description="Give each norm a learned scale (and shift)."
    )
    norm_eps: float = Field(
        1e-5, gt=0.0, le=0.1, description="Added to the variance, so that none is zero."
    )
    activation: Activation = Field("gelu", description="The MLP's non-linear function.")
    bias: bool = Field(
        True, description="Add a learned bias in linear layers and LayerNorm."
    )
    tie_embeddings: bool = Field(
        True, description="Score tokens with the embedding's weights, to save memory."
    )
    embedding_std: float | None = Field(
        None,
        gt=0.0,
        le=10.0,
        description="Standard deviation of the embedding before training (none: 0.5, "
        "or 0.02 where it is tied to the head).",
    )
    embedding_norm: bool = Field(
        False,
        description="Divide each looked-up embedding by its root mean square: as loud "
        "as the blocks' outputs, however small the table's numbers are.",
    )
    qk_norm: bool = Field(
        False, description="Normalise queries and keys, so that scores stay small."
    )
    rope_base: float = Field(
        10_000.0, gt=1.0, le=1e9, description="RoPE: how slowly the last pair turns."
    )
    token_shift: bool = Field(
        False,
        description="Add to each embedding a learned share of the one before it, which "
        "saves a head.",
    )
    value_embeddings: bool = Field(
        False,
        description="Add to each token's values, in every layer, a learned vector of "
        "its own, so that heads can still tell which token it was.",
    )
    relative_distances: int = Field(
        32,
        ge=1,
        le=4096,
        description="Relative bias: distances with a bias of their own, in tokens; "
        "larger ones share the last.",
    )
    relative_gain: GainOfHeads = Field(
        10.0,
        description="Relative bias: factor on the learned bias, so that it is learned "
        "as fast as the weights; one for all heads, or one for each.",
    )
