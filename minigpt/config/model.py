"""What a model is made of: the settings of `TransformerLM`, and presets.

GPT-2 is one point of this space, and the defaults below are that point: learned
positions, LayerNorm before each sublayer, GELU, biases, a tied head.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Strict, Tag, model_validator

from minigpt.config.base import AssignableConfig
from minigpt.errors import ConfigError, near_names

PositionalEncoding = Literal[
    "learned", "sinusoidal", "rope", "alibi", "relative", "none"
]
Normalization = Literal["layernorm", "rmsnorm"]
Activation = Literal["gelu", "gelu_exact", "relu", "relu2", "swiglu"]


def _one_or_several(value: Any) -> str:
    return "numbers" if isinstance(value, list | tuple) else "number"


Gain = Annotated[float, Field(gt=0.0, le=100.0)]
GainOfHeads = Annotated[
    Annotated[Gain, Tag("number")]
    # JSON has lists and no tuples, so a list will do too.
    | Annotated[tuple[Gain, ...], Strict(False), Tag("numbers")],
    Discriminator(_one_or_several),
]
"""One number for all heads, or one for each."""


class ModelConfig(AssignableConfig):
    """The settings of a decoder-only transformer, `TransformerLM`."""

    vocab_size: int = Field(
        1000, ge=1, le=2_000_000, description="Number of tokens; the tokenizer sets it."
    )
    d_model: int = Field(
        128, ge=1, le=32_768, description="Width of the residual stream, in numbers."
    )
    num_layers: int = Field(
        4, ge=1, le=256, description="Number of blocks; each builds on the ones before."
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
    head_dim: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="Width of one head's queries, keys and values (none: d_model / "
        "num_heads).",
    )
    qkv_bias: bool | None = Field(
        None,
        description="Add a learned bias to queries, keys and values (none: as bias "
        "says).",
    )
    parallel_mlp: bool = Field(
        False,
        description="Let the MLP read what attention reads, and not what attention "
        "has added: both can be computed at once.",
    )
    rope_dim: int | None = Field(
        None,
        ge=2,
        le=4096,
        description="RoPE: how many of a head's numbers are turned, an even number "
        "(none: all).",
    )
    rope_factor: float = Field(
        1.0,
        ge=1.0,
        le=1000.0,
        description="RoPE: how many times slower pairs turn, so that a model made for "
        "short texts reads longer ones.",
    )
    rope_trained_length: int | None = Field(
        None,
        ge=1,
        le=1_048_576,
        description="RoPE: the length that the model was made for before it was "
        "stretched, in tokens; pairs that turn often in it are slowed less (none: all "
        "pairs alike).",
    )
    rope_slow_turns: float = Field(
        1.0,
        ge=0.0,
        le=1000.0,
        description="RoPE: pairs that turn at most so often in the trained length are "
        "slowed by the whole factor.",
    )
    rope_fast_turns: float = Field(
        4.0,
        gt=0.0,
        le=1000.0,
        description="RoPE: pairs that turn at least so often in the trained length "
        "keep their speed.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.head_dim is None and self.d_model % self.num_heads:
            fits = [n for n in range(1, 65) if self.d_model % n == 0]
            raise ValueError(
                f"num_heads is {self.num_heads}, which does not divide d_model "
                f"{self.d_model}: choose one of {', '.join(map(str, fits))}"
            )
        if self.num_heads % self.kv_heads:
            raise ValueError(
                f"num_kv_heads is {self.kv_heads}, which does not divide num_heads "
                f"{self.num_heads}"
            )
        gain = self.relative_gain
        if isinstance(gain, tuple) and len(gain) != self.num_heads:
            raise ValueError(
                f"relative_gain has {len(gain)} numbers and num_heads is "
                f"{self.num_heads}: give one number for each head, or one for all"
            )
        if self.positional_encoding == "rope" and self.d_head % 2:
            raise ValueError(
                f"rope turns pairs of numbers, and a head is {self.d_head} wide, an "
                "odd number: change d_model, num_heads or head_dim"
            )
        self._check_rope()
        return self

    def _check_rope(self) -> None:
        if self.rope_dim is not None and (
            self.rope_dim % 2 or self.rope_dim > self.d_head
        ):
            raise ValueError(
                f"rope_dim is {self.rope_dim}: give an even number of at most "
                f"{self.d_head}, the width of a head"
            )
        if self.rope_fast_turns <= self.rope_slow_turns:
            raise ValueError(
                f"rope_fast_turns is {self.rope_fast_turns:g}, and must be larger than "
                f"rope_slow_turns, {self.rope_slow_turns:g}"
            )

    @property
    def d_head(self) -> int:
        """Width of one head's queries, keys and values."""
        return self.head_dim or self.d_model // self.num_heads

    @property
    def has_qkv_bias(self) -> bool:
        """Whether queries, keys and values have biases, the default filled in."""
        return self.bias if self.qkv_bias is None else self.qkv_bias

    @property
    def kv_heads(self) -> int:
        """Number of key/value heads after the default is filled in."""
        return self.num_kv_heads or self.num_heads

    @property
    def mlp_width(self) -> int:
        """Hidden width of the MLP after the default is filled in."""
        return 4 * self.d_model if self.d_ff is None else self.d_ff


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"d_model": 128, "num_layers": 2, "num_heads": 4, "max_seq_len": 128},
    "small": {"d_model": 256, "num_layers": 4, "num_heads": 4, "max_seq_len": 128},
    "medium": {"d_model": 512, "num_layers": 6, "num_heads": 8, "max_seq_len": 256},
    "large": {"d_model": 768, "num_layers": 12, "num_heads": 12, "max_seq_len": 1024},
}


def get_config(name: str) -> ModelConfig:
    """Return a fresh copy of a preset: `tiny`, `small`, `medium` or `large`.

    Raises:
        ConfigError: If there is no preset of that name.
    """
    if name not in PRESETS:
        raise ConfigError(
            f"There is no preset {name!r}: choose {', '.join(PRESETS)}."
            f"{near_names(name, PRESETS)}"
        )
    return ModelConfig(**PRESETS[name], dropout=0.1)


def __getattr__(name: str) -> ModelConfig:
    """Hand out `TINY_CONFIG` … `LARGE_CONFIG`, a fresh copy for each import.

    Tutorials write `config = SMALL_CONFIG; config.vocab_size = …`: with one shared
    object, that would change the preset for everyone else in the process.
    """
    preset = name.removesuffix("_CONFIG").lower()
    if name.endswith("_CONFIG") and name.isupper() and preset in PRESETS:
        return get_config(preset)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
