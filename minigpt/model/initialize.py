"""Initialisation: all of it, in one place.

- Hidden matrices: normal, with a spread of 0.58 / √fan_in. At GPT-2's width of 768 that
  is GPT-2's 0.02; at smaller widths it keeps the activations at the same size.
- Matrices that write to the residual stream: divided by √(2 · num_layers) on top, so
  that the stream does not grow with depth (Radford et al. 2019, section 2.3).
- A tied embedding is also the head, which must start with small logits: 0.02. A free
  one starts at 0.5, a size that the first blocks' outputs do not drown. A config may
  ask for another size.
- Biases 0, norms 1, relative biases 0.

An untrained model therefore predicts nearly uniformly: its loss is about ln(vocab).
"""

import math

from torch import nn

from minigpt.config import ModelConfig
from minigpt.model.positions import LearnedPositions

TIED_STD, FREE_STD, HEAD_STD = 0.02, 0.5, 0.02


def initialize(model: nn.Module, config: ModelConfig) -> None:
    """Set all weights of a `TransformerLM` in place, from torch's global generator."""
    embedding_std = TIED_STD if config.tie_embeddings else FREE_STD
    if config.embedding_std is not None:
        embedding_std = config.embedding_std
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=embedding_std)
        elif isinstance(module, LearnedPositions):
            nn.init.normal_(module.weight, std=embedding_std / 2)
        elif isinstance(module, nn.Linear):
            std = 0.58 / math.sqrt(module.in_features)
            if name.endswith(".output"):
                std /= math.sqrt(2 * config.num_layers)
            nn.init.normal_(module.weight, std=HEAD_STD if name == "head" else std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
