"""What a training run is made of: its text, its tokenizer, its schedule.

`RunConfig` is the whole of it, written to `config.json` in the run's directory; the
command line and the Training page both build one and hand it to the same worker.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, Strict, model_validator

from minigpt.config.base import Config
from minigpt.config.finetuning import FinetuneConfig
from minigpt.config.model import MLPConfig, ModelConfig

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


class DataConfig(Config):
    """Which text a run learns from."""

    source: str = Field(
        "tales",
        min_length=1,
        description="`tales` (the built-in world), `repeats` (random words, said again "
        "and again) or the path of a UTF-8 text file.",
    )
    tales_megabytes: float = Field(
        5.0, gt=0.0, le=1000.0, description="How much of tales to write, in MB."
    )
    repeats_words: int = Field(
        126, ge=2, le=126, description="How many different words repeats says."
    )
    document_separator: str | None = Field(
        None,
        min_length=1,
        description="What stands between two documents in the text file; each end "
        "becomes <eos> (none: the file is one document). tales ends each story so.",
    )
    validation_fraction: float = Field(
        0.1,
        gt=0.0,
        lt=1.0,
        description="Share of the text held out, taken from its end.",
    )


class TokenizerConfig(Config):
    """How text becomes tokens."""

    kind: Literal["char", "word", "bpe"] = Field(
        "char", description="One token per character, word, or learned byte pair."
    )
    vocab_size: int = Field(
        1024,
        ge=260,
        le=1_000_000,
        description="BPE: tokens to learn, the 256 bytes and 4 special ones included.",
    )
    min_freq: int = Field(
        1, ge=1, description="char and word: rarer ones become <unk>, in occurrences."
    )
    sample_characters: int = Field(
        1 << 25,
        ge=1000,
        description="Most characters to learn from, taken from all over a longer text.",
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
        16, ge=1, le=65_536, description="Windows per step, over all devices."
    )
    accumulation_steps: int = Field(
        1, ge=1, le=4096, description="Parts a step is cut into, to save memory."
    )
    repeat_steps: int = Field(
        0,
        ge=0,
        description="Steps to begin with in which the model reads repeated random "
        "tokens and learns to copy, before it reads the text.",
    )
    lesson_steps: int = Field(
        0,
        ge=0,
        description="tales: steps to begin with in which the model learns to look up "
        "what a text has said, before it reads the text.",
    )
    lesson_share: float = Field(
        0.0,
        ge=0.0,
        le=0.9,
        description="tales: which share of the later steps are such lessons.",
    )
    optimizer: Literal["adamw", "muon"] = Field(
        "adamw", description="muon: hidden matrices by Muon, all else by AdamW."
    )
    learning_rate: float = Field(
        1e-3, gt=0.0, le=10.0, description="AdamW's peak step size."
    )
    muon_learning_rate: float = Field(
        0.02, gt=0.0, le=10.0, description="Muon's peak step size."
    )
    weight_decay: float = Field(
        0.1, ge=0.0, le=10.0, description="Pull of the matrices towards zero."
    )
    beta1: float = Field(0.9, ge=0.0, lt=1.0, description="AdamW's memory of the mean.")
    beta2: float = Field(
        0.99, ge=0.0, lt=1.0, description="AdamW's memory of the square."
    )
    muon_momentum: float = Field(
        0.95, ge=0.0, lt=1.0, description="Muon's memory of the gradient."
    )
    muon_splits_qkv: bool = Field(
        False,
        description="Let Muon see queries, keys and values as three matrices, not as "
        "the one they are packed in.",
    )
    schedule: Literal["cosine", "linear", "constant"] = Field(
        "cosine", description="How the step size falls after the warm-up."
    )
    warmup_steps: int = Field(
        100,
        ge=0,
        description="Steps in which the step size rises from zero; at most a tenth of "
        "the run.",
    )
    decay_start: float = Field(
        0.0,
        ge=0.0,
        lt=1.0,
        description="Share of the run after which the step size begins to fall (0: as "
        "soon as the warm-up ends).",
    )
    min_learning_rate_ratio: float = Field(
        0.1, ge=0.0, le=1.0, description="Where the schedule ends, as a share of peak."
    )
    gradient_clip: float = Field(
        1.0, ge=0.0, description="Longest gradient allowed, as a norm (0: no limit)."
    )
    precision: Literal["float32", "bfloat16", "auto"] = Field(
        "float32",
        description="Number format of the matrix products (auto: bfloat16 where the "
        "machine is made for it).",
    )
    gradient_checkpointing: bool = Field(
        False, description="Recompute blocks backward, to trade time for memory."
    )
    compile: _Choice = Field(
        "auto", description="Let torch.compile fuse the model (auto: on a GPU)."
    )
    eval_interval: int = Field(
        250, ge=1, description="Steps between validation losses, samples and saves."
    )
    eval_batches: int | None = Field(
        20,
        ge=1,
        description="Batches per interim evaluation (none: all). The last "
        "evaluation of a run always uses all.",
    )
    checkpoint_interval: int | None = Field(
        None, ge=1, description="Steps between checkpoints (none: eval_interval)."
    )
    keep_checkpoints: int | None = Field(
        5, ge=1, description="How many step checkpoints stay on disk (none: all)."
    )
    checkpoint_steps: Annotated[tuple[_Step, ...], Strict(False)] = Field(
        (),
        description="Steps to save at besides; these checkpoints stay on disk, and the "
        "heads are photographed.",
    )
    patience: int | None = Field(
        None, ge=1, description="Stop after so many evaluations without a new best."
    )
    seed: int = Field(1337, ge=0, lt=2**31, description="Same seed, same run.")
    device: str = Field(
        "auto", description="auto, cpu, cuda, cuda:1 or mps.", min_length=1
    )
    num_threads: int | None = Field(
        None, ge=1, le=1024, description="CPU threads (none: torch's own choice)."
    )
    tensorboard: bool = Field(
        False, description="Write the metrics for TensorBoard too, beside the run's."
    )
    wandb_project: str | None = Field(
        None,
        min_length=1,
        description="Weights & Biases: the project that gets the metrics too (none: "
        "nobody does).",
    )


class RunConfig(Config):
    """Everything that determines a training run."""

    recipe: RecipeName = Field(
        "default", description="The preset the settings started from."
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
        None, description="What a base learns besides (none: it is trained from zero)."
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
