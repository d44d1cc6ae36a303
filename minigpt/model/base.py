"""What every language model of this package has, whatever stands between its ends.

Before: `minigpt.hooks`, which gives every value a name. Next: the two models.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from minigpt.config import MLPConfig, ModelConfig, QuantizationConfig
from minigpt.hooks import Hooked
from minigpt.model.embedding import TokenEmbedding
from minigpt.model.recording_memory import require_room


class LanguageModelBase(Hooked):
    """A model from tokens to logits, with a config and a token embedding."""

    kind: ClassVar[Literal["transformer", "mlp"]]
    """Its name for `create_model` and in checkpoints."""
    can_recompute_blocks: ClassVar[bool] = False
    """Whether gradient checkpointing would save memory."""
    config: ModelConfig | MLPConfig
    token_embedding: TokenEmbedding
    gradient_checkpointing: bool = False
    """Whether training computes blocks a second time instead of storing them."""
    quantization: QuantizationConfig | None = None
    """How its matrices are rounded, if they are integers: see `minigpt.quantization`.
    """

    @property
    def ties_embeddings(self) -> bool:
        """Whether one table serves for reading tokens and for scoring them."""
        return False

    @property
    def embedding_hook(self) -> str:
        """The hook of what a token's embedding is when other parts read it."""
        return "hook_embed"

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.any_weight.device

    @property
    def any_weight(self) -> Tensor:
        """One of the weights: activations are of its type, and where it is."""
        return next(self.parameters())

    def before_recording(
        self, names: Sequence[str], tokens: Tensor, *, seen_before: int, copies: int
    ) -> None:
        """Refuse a recording that would not fit. See `require_room`."""
        require_room(
            names,
            self.config,
            tokens,
            self.any_weight,
            seen_before=seen_before,
            copies=copies,
        )
