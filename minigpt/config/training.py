"""What a training run is made of: its text, its tokenizer, its schedule.

`RunConfig` is the whole of it, written to `config.json` in the run's directory; the
command line and the Training page both build one and hand it to the same worker.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, Strict, model_validator

from minigpt.config.base import Config
from minigpt.config.finetuning import FinetuneConfig
from minigpt.config.mlp import MLPConfig
from minigpt.config.model import ModelConfig

_TWICE = 12
"""The shortest window in which six words are said twice."""

RecipeName = Literal[
    "default",
    "quick",
    "three-minutes",
    "ten-minutes",
    "speedrun",
    "gpt2",
    "induction",
    "induction-live",
]

_Step = Annotated[int, Field(ge=0)]


def _on_or_off(value: Any) -> Any:
    """Read the true and false of files that were written before there was an auto."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


_Choice = Annotated[Literal["auto", "on", "off"], BeforeValidator(_on_or_off)]


BUILT_IN = ("tales", "repeats")
"""Sources that are no file."""


class DataConfig(Config):
    """Which text a run learns from."""

    source: str = Field(
        "tales",
        min_length=1,
        description="`tales` (stories of the built-in world), `repeats` (random words, "
        "repeated) or the path of a UTF-8 text file.",
    )
    tales_megabytes: float = Field(
        5.0, gt=0.0, le=1000.0, description="tales: how much text to generate, in MB."
    )
    repeats_words: int = Field(
        126, ge=2, le=126, description="repeats: how many different words to use."
    )
    document_separator: str | None = Field(
        None,
        min_length=1,
        description="What separates the documents in a text file; each of them ends "
        "with <eos> (none: the file is one document). tales ends each story this way.",
    )
    validation_fraction: float = Field(
        0.1,
        gt=0.0,
        lt=1.0,
        description="Share of the text held out to measure the loss on, from its end.",
    )


class TokenizerConfig(Config):
    """How text becomes tokens."""

    kind: Literal["char", "word", "bpe", "adapted"] = Field(
        "char",
        description="One token per character, word, or learned byte pair; adapted: as "
        "the base of a fine-tuning has them.",
    )
    vocab_size: int = Field(
        1024,
        ge=260,
        le=1_000_000,
        description="BPE: tokens to learn, including 256 bytes and 4 special tokens.",
    )
    min_freq: int = Field(
        1, ge=1, description="char and word: what occurs less often becomes <unk>."
    )
    sample_characters: int = Field(
        1 << 25,
        ge=1000,
        description="How many characters to learn from at most; a longer text is "
        "sampled throughout.",
    )


class TrainConfig(Config):
    """How the weights are learned."""

    max_steps: int | None = Field(
        None, ge=1, le=100_000_000, description="Steps to train (none: num_epochs)."
    )
    num_epochs: int = Field(
        1, ge=1, le=1_000_000, description="Passes over the text, without max_steps."
    )
    batch_size: int = Field(
        16, ge=1, le=65_536, description="Windows per step, over all devices together."
    )
    accumulation_steps: int = Field(
        1, ge=1, le=4096, description="Parts a step is split into, to save memory."
    )
    repeat_steps: int = Field(
        0,
        ge=0,
        description="First steps on repeated random tokens, which teach the model to "
        "copy before it reads the text.",
    )
    lesson_start: int = Field(
        0,
        ge=0,
        description="tales: steps on the text before the first lesson, in which words "
        "of one kind get similar embeddings.",
    )
    lesson_steps: int = Field(
        0,
        ge=0,
        description="tales: steps on short lessons, which teach the model to look up "
        "facts before it reads the rest of the text.",
    )
    lesson_share: float = Field(
        0.0,
        ge=0.0,
        le=0.9,
        description="tales: share of the later steps that are lessons too.",
    )
    optimizer: Literal["adamw", "muon"] = Field(
        "adamw", description="muon: Muon for hidden matrices, AdamW for the rest."
    )
    learning_rate: float = Field(
        1e-3, gt=0.0, le=10.0, description="AdamW's largest step size."
    )
    muon_learning_rate: float = Field(
        0.02, gt=0.0, le=10.0, description="Muon's largest step size."
    )
    weight_decay: float = Field(
        0.1, ge=0.0, le=10.0, description="How strongly matrices shrink towards zero."
    )
    beta1: float = Field(
        0.9, ge=0.0, lt=1.0, description="AdamW: past gradients' weight in their mean."
    )
    beta2: float = Field(
        0.99, ge=0.0, lt=1.0, description="AdamW: past squares' weight in their mean."
    )
    muon_momentum: float = Field(
        0.95, ge=0.0, lt=1.0, description="Muon: past gradients' weight in their mean."
    )
    muon_splits_qkv: bool = Field(
        False,
        description="Let Muon treat queries, keys and values as three matrices, not as "
        "the one they are stored in.",
    )
    schedule: Literal["cosine", "linear", "constant"] = Field(
        "cosine", description="How the step size falls after the warm-up."
    )
    warmup_steps: int = Field(
        100,
        ge=0,
        description="Steps over which the step size rises from zero, so that the first "
        "ones do no harm; at most a tenth of the run.",
    )
    decay_start: float = Field(
        0.0,
        ge=0.0,
        lt=1.0,
        description="Share of the run after which the step size falls (0: right after "
        "the warm-up).",
    )
    min_learning_rate_ratio: float = Field(
        0.1, ge=0.0, le=1.0, description="Last step size, as a share of the largest."
    )
    gradient_clip: float = Field(
        1.0, ge=0.0, description="Shorten longer gradients to this norm (0: no limit)."
    )
    precision: Literal["float32", "bfloat16", "auto"] = Field(
        "float32",
        description="Number format of the matrix products (auto: bfloat16 where the "
        "machine is faster with it).",
    )
    gradient_checkpointing: bool = Field(
        False, description="Compute blocks again in the backward: slower, less memory."
    )
    shard: bool = Field(
        False,
        description="Several processes: each keeps a part of every weight, for a model "
        "that does not fit on one device.",
    )
    compile: _Choice = Field(
        "auto", description="Speed the model up with torch.compile (auto: on a GPU)."
    )
    eval_interval: int = Field(
        250, ge=1, description="Steps between validation losses, samples and saves."
    )
    eval_batches: int | None = Field(
        20,
        ge=1,
        description="Batches per evaluation, to save time (none: all). The last one of "
        "a run uses all.",
    )
    checkpoint_interval: int | None = Field(
        None, ge=1, description="Steps between checkpoints (none: eval_interval)."
    )
    keep_checkpoints: int | None = Field(
        5, ge=1, description="How many of the newest checkpoints to keep (none: all)."
    )
    checkpoint_steps: Annotated[tuple[_Step, ...], Strict(False)] = Field(
        (),
        description="Further steps to save at; these checkpoints are kept, with a "
        "snapshot of the heads.",
    )
    patience: int | None = Field(
        None, ge=1, description="Stop after this many evaluations without a new best."
    )
    seed: int = Field(1337, ge=0, lt=2**31, description="Same seed, same run.")
    device: str = Field(
        "auto", description="auto, cpu, cuda, cuda:1 or mps.", min_length=1
    )
    num_threads: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="CPU threads (none: torch's own choice, and fewer while others "
        "keep the machine busy; sums may then differ in the last bit).",
    )
    tensorboard: bool = Field(
        False, description="Also write the metrics for TensorBoard, beside the run's."
    )
    wandb_project: str | None = Field(
        None,
        min_length=1,
        description="Weights & Biases: the project to send the metrics to (none: they "
        "stay here).",
    )


class RunConfig(Config):
    """Everything that determines a training run."""

    recipe: RecipeName = Field(
        "default", description="The preset that the settings started from."
    )
    model_type: Literal["transformer", "mlp"] = Field(
        "transformer", description="Which kind of model."
    )
    data: DataConfig = Field(DataConfig(), description="The text.")
    tokenizer: TokenizerConfig = Field(TokenizerConfig(), description="The tokens.")
    transformer: ModelConfig = Field(
        ModelConfig(), description="Sizes, when model_type is transformer."
    )
    mlp: MLPConfig = Field(MLPConfig(), description="Sizes, when model_type is mlp.")
    train: TrainConfig = Field(TrainConfig(), description="The training.")
    finetune: FinetuneConfig | None = Field(
        None, description="How to fine-tune a base (none: train from scratch)."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.data.source == "repeats" and self.tokenizer.kind != "word":
            raise ValueError(
                f"tokenizer.kind is {self.tokenizer.kind!r}, and repeats is made of "
                "whole words: choose 'word'"
            )
        if self.data.source == "repeats" and self.model.max_seq_len < _TWICE:
            raise ValueError(
                f"max_seq_len is {self.model.max_seq_len}, and repeats says six words "
                f"or more again: choose {_TWICE} or more"
            )
        if self.data.source != "tales" and self.has_lessons:
            raise ValueError(
                f"data.source is {self.data.source!r}, and lessons are about tales: "
                "set lesson_steps and lesson_share to 0"
            )
        return self

    @property
    def has_lessons(self) -> bool:
        """Whether something is learned besides the text: to look things up."""
        return self.train.lesson_steps > 0 or self.train.lesson_share > 0

    @property
    def model(self) -> ModelConfig | MLPConfig:
        """The settings of the kind of model that was chosen."""
        return self.mlp if self.model_type == "mlp" else self.transformer
