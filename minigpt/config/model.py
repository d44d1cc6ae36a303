"""What a model is made of: the settings of `TransformerLM`.

`own_model` has those that this project's recipes use; here are those that models of
other families need besides. All of them are off by default.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Strict,
    Tag,
    model_serializer,
    model_validator,
)

from minigpt.config.own_model import OwnModelConfig, one_or_several

Window = Annotated[int, Field(ge=0, le=1_048_576)]
WindowOfLayers = Annotated[
    Annotated[Window, Tag("number")]
    | Annotated[tuple[Window, ...], Strict(False), Tag("numbers")],
    Discriminator(one_or_several),
]
"""One number for all layers, or one for each."""


class ModelConfig(OwnModelConfig):
    """The settings of a decoder-only transformer, `TransformerLM`."""

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
        description="RoPE: pairs that turn at most this often in the trained length "
        "are slowed by the whole factor.",
    )
    rope_fast_turns: float = Field(
        4.0,
        gt=0.0,
        le=1000.0,
        description="RoPE: pairs that turn at least this often in the trained length "
        "keep their speed.",
    )

    rope_ramp: Literal["turns", "pairs"] = Field(
        "turns",
        description="RoPE: from slow to fast pairs, how much of their speed they keep "
        "rises with their turns (Llama 3), or evenly from pair to pair (YaRN).",
    )
    attention_window: WindowOfLayers = Field(
        0,
        description="How many tokens attention reads, the last one its own: one number "
        "for all layers, or one for each (0: all there are).",
    )
    rope_local_base: float | None = Field(
        None,
        gt=1.0,
        le=1e9,
        description="RoPE: the base in layers with a window, whose pairs then are not "
        "slowed (none: as in the others).",
    )
    embedding_scale: float = Field(
        1.0,
        gt=0.0,
        le=1000.0,
        description="Factor on each looked-up embedding; a tied head's weights are "
        "without it.",
    )
    post_norms: bool = Field(
        False,
        description="Normalise what attention and MLP add to the stream, too, and not "
        "only what they read.",
    )
    attention_softcap: float | None = Field(
        None,
        gt=0.0,
        le=1e6,
        description="Bend attention scores so that none is farther from 0 than this "
        "(none: as they are).",
    )
    logit_softcap: float | None = Field(
        None,
        gt=0.0,
        le=1e6,
        description="Bend the logits so that none is farther from 0 than this (none: "
        "as they are).",
    )
    head_bias: bool = Field(
        False,
        description="Add a learned bias to each token's logit; only a head of its own "
        "has one.",
    )

    @model_serializer(mode="wrap")
    def _without_what_came_later(
        self, write: SerializerFunctionWrapHandler
    ) -> dict[str, Any]:
        """Leave out what is not used here: older versions read the file."""
        fields: dict[str, Any] = write(self)
        for name in type(self).model_fields.keys() - OwnModelConfig.model_fields:
            if fields[name] == type(self).model_fields[name].default:
                del fields[name]
        return fields

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
        windows = self.attention_window
        if isinstance(windows, tuple) and len(windows) != self.num_layers:
            raise ValueError(
                f"attention_window has {len(windows)} numbers and num_layers is "
                f"{self.num_layers}: give one number for each layer, or one for all"
            )
        if self.positional_encoding == "rope" and self.d_head % 2:
            raise ValueError(
                f"rope turns pairs of numbers, and a head is {self.d_head} wide, an "
                "odd number: change d_model, num_heads or head_dim"
            )
        if self.head_bias and self.tie_embeddings:
            raise ValueError(
                "head_bias is on, and the head is the embedding, which has none: set "
                "tie_embeddings to false, or head_bias"
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
        if self.rope_ramp == "pairs" and not (
            self.rope_trained_length and self.rope_slow_turns
        ):
            raise ValueError(
                "rope_ramp is 'pairs', which needs rope_trained_length, and "
                "rope_slow_turns above 0: set them, or rope_ramp to 'turns'"
            )

    @property
    def d_head(self) -> int:
        """Width of one head's queries, keys and values."""
        return self.head_dim or self.d_model // self.num_heads

    def window_of(self, layer: int) -> int | None:
        """Return how many tokens a layer reads; None where it reads all there are."""
        windows = self.attention_window
        window = windows[layer] if isinstance(windows, tuple) else windows
        return window if 0 < window < self.max_seq_len else None

    @property
    def windows(self) -> tuple[int | None, ...]:
        """How many tokens each layer reads; None where it reads all there are."""
        return tuple(map(self.window_of, range(self.num_layers)))

    def as_in(self, layer: int) -> Self:
        """Return the settings with RoPE's as one layer has them."""
        if self.rope_local_base is None or self.window_of(layer) is None:
            return self
        base, unslowed = self.rope_local_base, {"rope_factor": 1.0}
        return self.replace(rope_base=base, rope_local_base=None, **unslowed)

    @property
    def is_gated(self) -> bool:
        """Whether the MLP has a second projection, which scales the first."""
        return self.activation in ("swiglu", "geglu")

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
