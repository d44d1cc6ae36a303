"""The baseline: a language model without attention, that sees a fixed window.

Unlike the transformer, it joins the embeddings of the last few tokens into one long
vector, and position is simply the place in that vector. Same interface, hooks too.
"""

from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from minigpt.config import MLPConfig
from minigpt.hooks import HookPoint
from minigpt.model.base import LanguageModelBase
from minigpt.model.embedding import TokenEmbedding
from minigpt.model.initialize import HEAD_STD
from minigpt.model.kv_cache import Cache, allocate
from minigpt.model.memory import require_memory


class HiddenLayer(nn.Module):
    """A linear layer and a tanh: tanh(W x + b)."""

    def __init__(self, d_in: int, d_out: int, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(d_in, d_out)
        self.hook_pre = HookPoint()  # [batch pos d_ff]
        self.hook_post = HookPoint()  # [batch pos d_ff]
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "batch pos d_in"]
    ) -> Float[Tensor, "batch pos d_ff"]:
        """Compute the layer for each window by itself."""
        hidden = self.hook_post(torch.tanh(self.hook_pre(self.linear(x))))
        return self.dropout(hidden)


class MLPLM(LanguageModelBase):
    """A language model that reads a window of the last n tokens with an MLP.

        logits(p) = W h(p) + b
        h(p) = tanh layers of [e(p − n + 1) … e(p)], the embeddings joined into one

    Args:
        settings: The fields of `MLPConfig`, by name: `vocab_size`, `d_model`, `d_ff`,
            `num_layers`, `context_size`, …

    Raises:
        ConfigError: If a setting is wrong, or the model would not fit in memory.

    Source: Bengio et al. 2003, "A Neural Probabilistic Language Model", eq. 1.
    """

    kind = "mlp"
    config: MLPConfig

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.config = config = MLPConfig(**settings)
        require_memory(config)
        self.token_embedding = TokenEmbedding(config.vocab_size, config.d_model)
        self.hook_embed = HookPoint()  # [batch pos d_model]
        self.hook_window = HookPoint()  # [batch pos context d_model]
        widths = [config.context_size * config.d_model]
        widths += [config.d_ff] * config.num_layers
        self.blocks = nn.ModuleList(
            [
                HiddenLayer(d_in, d_out, config.dropout)
                for d_in, d_out in pairwise(widths)
            ]
        )
        self.head = nn.Linear(config.d_ff, config.vocab_size)
        nn.init.normal_(self.head.weight, std=HEAD_STD)
        nn.init.zeros_(self.head.bias)
        self.name_hook_points()

    def forward(
        self, tokens: Int[Tensor, "batch pos"], cache: Cache | None = None
    ) -> Float[Tensor, "batch pos vocab"]:
        """Score every possible next token after each position.

        Args:
            tokens: Ids.
            cache: What earlier calls have seen; the tokens continue it.

        Returns:
            Logits: their softmax is the model's distribution of the next token.

        Raises:
            DataError: If an id is unknown, or the cache is full.
        """
        embedded = self.hook_embed(self.token_embedding(tokens))
        x = self.hook_window(self.windows(embedded, cache)).flatten(2)
        for block in self.blocks:
            x = block(x)
        if cache is not None:
            cache.advance(tokens.shape[1])
        return self.head(x)

    def windows(
        self, embedded: Float[Tensor, "batch pos d_model"], cache: Cache | None
    ) -> Float[Tensor, "batch pos context d_model"]:
        """Give each position the embeddings of the last tokens up to itself.

        Before the first token of a text there is nothing, and nothing is zero.
        """
        batch, new_positions, _ = embedded.shape
        if cache is not None:
            cache.require(batch, new_positions)
            embedded = cache.append(0, embedded)
        missing = self.config.context_size - 1
        padded = nn.functional.pad(embedded, (0, 0, missing, 0))
        every_window = padded.unfold(1, self.config.context_size, 1).mT
        return every_window[:, -new_positions:]

    def new_cache(self, batch_size: int, max_len: int | None = None) -> Cache:
        """Make an empty cache for `forward`. See `TransformerLM.new_cache`."""
        shape = (batch_size, max_len or self.config.max_seq_len, self.config.d_model)
        return allocate(1, shape, self.any_weight)
