"""What a fine-tuning is made of: a base, examples, and how much of the base may change.

It is a part of `RunConfig`, so a fine-tuning is a run like any other: it has the same
directory, the same command line and the same page.
"""

from typing import Annotated, Literal

from pydantic import Field, Strict

from minigpt.config.base import Config

LoraTarget = Literal["qkv", "output", "mlp"]


class LoraConfig(Config):
    """Which small matrices stand beside the frozen weights, and for which model."""

    rank: int = Field(
        8, ge=1, le=4096, description="Rows of A and columns of B: the adapter's rank."
    )
    alpha: float = Field(
        16.0, gt=0.0, le=10_000.0, description="B·A is multiplied by alpha / rank."
    )
    # JSON has lists and no tuples, so a list will do too.
    targets: Annotated[tuple[LoraTarget, ...], Strict(False)] = Field(
        ("qkv", "output"),
        min_length=1,
        description="Which matrices get an adapter: qkv (queries, keys and values), "
        "output (of attention), mlp (all of its matrices).",
    )
    base_sha256: str | None = Field(
        None, description="Fingerprint of the weights it was trained on."
    )


class FinetuneConfig(Config):
    """How a base becomes a model that answers."""

    method: Literal["sft", "dpo"] = Field(
        "sft", description="sft: from right answers; dpo: from better and worse ones."
    )
    base: str = Field(
        ..., min_length=1, description="The checkpoint to start from, as a path."
    )
    base_sha256: str | None = Field(
        None, description="Fingerprint of its weights (none: not computed yet)."
    )
    examples: str = Field(
        "tales",
        min_length=1,
        description="`tales` (about the built-in world) or the path of a JSON or JSONL "
        "file.",
    )
    tales_examples: int = Field(
        6000, ge=1, le=10_000_000, description="tales: how many examples to generate."
    )
    validation_fraction: float = Field(
        0.1, gt=0.0, lt=1.0, description="Share of a file's examples kept for testing."
    )
    packed: bool = Field(
        False, description="Put several examples into a row: faster than padding each."
    )
    lora_rank: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="Rank of a LoRA adapter (none: all weights change).",
    )
    lora_alpha: float = Field(
        16.0,
        gt=0.0,
        le=10_000.0,
        description="Multiplies the adapter, as alpha / rank.",
    )
    lora_targets: Annotated[tuple[LoraTarget, ...], Strict(False)] = Field(
        ("qkv", "output"), min_length=1, description="Which matrices get an adapter."
    )
    beta: float = Field(
        0.1,
        gt=0.0,
        le=100.0,
        description="dpo: how strongly the model is held near the base.",
    )

    @property
    def is_own_file(self) -> bool:
        """Whether it learns from a file, and not from the built-in world."""
        return self.examples != "tales"

    @property
    def lora(self) -> LoraConfig | None:
        """The adapter's settings, if there is one."""
        if self.lora_rank is None:
            return None
        return LoraConfig(
            rank=self.lora_rank, alpha=self.lora_alpha, targets=self.lora_targets
        )
