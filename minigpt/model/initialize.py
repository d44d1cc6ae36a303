"""Initialisation: all of it, in one place.

| tensor                                | initial values                          |
|---------------------------------------|-----------------------------------------|
| token_embedding, tied to the head     | normal, 0.02                            |
| token_embedding, not tied             | normal, 0.5                             |
| value_embedding                       | normal, as the token embedding          |
| position_embedding (learned)          | normal, half of the token embedding's   |
| attn.qkv, mlp.input, mlp.gate         | normal, 0.58 / √fan_in                  |
| attn.output, mlp.output               | normal, 0.58 / √fan_in / √(2 num_layers)|
| head, not tied                        | normal, 0.02                            |
| every bias                            | 0                                       |
| scale of a norm, shift of a norm      | 1, 0                                    |
| token_shift.mix, bias_table           | 0                                       |

At GPT-2's width of 768, 0.58 / √fan_in is GPT-2's 0.02; at smaller widths it keeps the
activations at the same size. What writes to the residual stream is made smaller, so
that the stream does not grow with depth (Radford et al. 2019, section 2.3). A tied
embedding is also the head, whose logits must start small; a free one starts at a size
that the first blocks' outputs do not drown. `embedding_std` replaces either. With
`embedding_norm` the blocks read the same size whatever stands in the table: there a
small start turns faster, and what is learned is not drowned by it.

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
