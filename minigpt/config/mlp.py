"""What the fixed-window baseline is made of: the settings of `MLPLM`."""

from pydantic import Field

from minigpt.config.base import AssignableConfig


class MLPConfig(AssignableConfig):
    """The settings of the fixed-window baseline, `MLPLM`."""

    vocab_size: int = Field(
        1000, ge=1, le=2_000_000, description="Number of tokens; the tokenizer sets it."
    )
    d_model: int = Field(
        64, ge=1, le=32_768, description="Width of one token's embedding."
    )
    d_ff: int = Field(256, ge=1, le=131_072, description="Width of a hidden layer.")
    num_layers: int = Field(2, ge=1, le=256, description="Number of hidden layers.")
    context_size: int = Field(
        16, ge=1, le=4096, description="How many of the last tokens the model sees."
    )
    max_seq_len: int = Field(
        128, ge=1, le=1_048_576, description="Longest text read at once, in tokens."
    )
    dropout: float = Field(
        0.0, ge=0.0, lt=1.0, description="Share of values zeroed to avoid overfitting."
    )
