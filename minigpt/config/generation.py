"""How text is drawn from a model's distributions."""

from typing import Literal

from pydantic import Field

from minigpt.config.base import Config

Strategy = Literal["greedy", "sampling", "beam"]


class GenerationConfig(Config):
    """The settings of one generation. Filters apply in the order of the fields."""

    strategy: Strategy = Field(
        "sampling",
        description="Take the likeliest token, draw one, or search with beams.",
    )
    max_new_tokens: int = Field(
        100, ge=1, le=100_000, description="How much to write, in tokens."
    )
    temperature: float = Field(
        0.8,
        ge=0.0,
        le=100.0,
        description="Divides the logits: below 1 safer, above 1 more varied, 0 greedy.",
    )
    repetition_penalty: float = Field(
        1.0,
        gt=0.0,
        le=100.0,
        description="Above 1 makes tokens that already occurred less likely.",
    )
    no_repeat_ngram: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Never write a run of this many tokens twice, the prompt's "
        "included (none: allowed).",
    )
    top_k: int | None = Field(
        50, ge=1, description="Keep only the k likeliest tokens (none: all)."
    )
    top_p: float | None = Field(
        None,
        gt=0.0,
        le=1.0,
        description="Keep the likeliest tokens that together reach this probability.",
    )
    min_p: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        description="Drop tokens below this share of the likeliest one's probability.",
    )
    num_beams: int = Field(
        5, ge=1, le=64, description="Beam search: texts kept at each step."
    )
    length_penalty: float = Field(
        1.0,
        ge=-10.0,
        le=10.0,
        description="Beam search: scores are divided by length to this power, so that "
        "long texts can win; 0 favours short ones.",
    )
    early_stopping: bool = Field(
        False, description="Beam search: stop once num_beams texts have ended."
    )
    stop_at_eos: bool = Field(
        True, description="Stop when the end-of-text token is drawn."
    )
    seed: int | None = Field(
        None, ge=0, lt=2**63, description="Same seed, same text (none: a new one)."
    )
