"""The model: tokens in, a score for every possible next token out.

    tokens ─ embedding ─(ln_embed)─(+ token before)─(+ positions)─ block ─ … ─ block
    ─ ln_final ─ head ─ logits

Design decisions:

- `forward` has one return shape, always: logits [batch pos vocab]. The loss is a
  function elsewhere, and so are generation, loading and saving.
- The module holds weights only. The cache is an argument.
- Every value has a name (see `minigpt.hooks`).
- GPT-2 is one point of the space that `ModelConfig` spans, exactly.

Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners".
"""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from minigpt.config import LoraConfig, ModelConfig
from minigpt.errors import DataError
from minigpt.hooks import HookPoint
from minigpt.model.base import LanguageModelBase
from minigpt.model.block import Block
from minigpt.model.embedding import TokenEmbedding
from minigpt.model.initialize import initialize
from minigpt.model.kv_cache import Cache, allocate
from minigpt.model.memory import require_memory
from minigpt.model.norm import RMSNorm, build_norm, softcapped
from minigpt.model.positions import build_absolute_positions
from minigpt.model.token_shift import TokenShift


class TransformerLM(LanguageModelBase):
    """A decoder-only transformer.

    Args:
        settings: The fields of `ModelConfig`, by name: `vocab_size`, `d_model`,
            `num_layers`, `num_heads`, `d_ff`, `max_seq_len`, `dropout`,
            `positional_encoding`, …

    Raises:
        ConfigError: If a setting is wrong, or the model would not fit in memory.
    """

    kind = "transformer"
    can_recompute_blocks = True
    config: ModelConfig
    adapter: LoraConfig | None = None
    """What stands beside frozen weights, if anything (see `minigpt.finetuning`)."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.config = config = ModelConfig(**settings)
        require_memory(config)
        self.token_embedding = TokenEmbedding(config.vocab_size, config.d_model)
        self.token_embedding.scale = config.embedding_scale
        self.hook_embed = HookPoint()  # [batch pos d_model]
        self.ln_embed: RMSNorm | None = None
        if config.embedding_norm:
            self.ln_embed = RMSNorm(config.d_model, config.norm_eps, affine=False)
        self.token_shift = TokenShift(config.d_model) if config.token_shift else None
        if self.token_shift is not None:
            self.hook_token_shift = HookPoint()  # [batch pos d_model]
        self.position_embedding = build_absolute_positions(config)
        if self.position_embedding is not None:
            self.hook_pos_embed = HookPoint()  # [batch pos d_model]
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            [Block(config, layer) for layer in range(config.num_layers)]
        )
        self.ln_final = build_norm(config)
        if not config.tie_embeddings:
            self.head = nn.Linear(config.d_model, config.vocab_size, config.head_bias)
        self.name_hook_points()
        initialize(self, config)

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
            DataError: If the text is longer than `max_seq_len`, or an id is unknown.
        """
        self._check_length(tokens, cache)
        x = self.embed(tokens, cache)
        layers = [None] * len(self.blocks) if cache is None else cache.layers
        for block, layer in zip(self.blocks, layers, strict=True):
            if self.gradient_checkpointing and self.training and cache is None:
                x = checkpoint(block, x, None, tokens, use_reentrant=False)
            else:
                x = block(x, layer, tokens)
        if cache is not None:
            cache.advance(tokens.shape[1])
        return self.unembed(self.ln_final(x))

    @property
    def ties_embeddings(self) -> bool:
        """Whether `head` is missing, and the token embedding takes its place."""
        return self.config.tie_embeddings

    @property
    def embedding_hook(self) -> str:
        """The hook of what a token's embedding adds to the stream."""
        return "hook_embed" if self.ln_embed is None else "ln_embed.hook_normalized"

    def embed(
        self, tokens: Int[Tensor, "batch pos"], cache: Cache | None = None
    ) -> Float[Tensor, "batch pos d_model"]:
        """Look up each token's vector; add the token's before and its position's.

        Arguments as for `forward`. Either is added only if the model has it. With
        `embedding_norm`, the vector is made of root mean square 1 first: it is loud
        from the start, and still learns its direction as fast as a small one does.
        """
        embedded = self.hook_embed(self.token_embedding(tokens))
        if self.ln_embed is not None:
            embedded = self.ln_embed(embedded)
        x = embedded
        if self.token_shift is not None:
            if cache is not None:
                embedded = cache.append(-1, embedded)  # the last buffer
            x = x + self.hook_token_shift(self.token_shift(embedded, tokens.shape[1]))
        if self.position_embedding is not None:
            start = 0 if cache is None else cache.length
            positions = self.position_embedding(start, tokens.shape[1])
            x = x + self.hook_pos_embed(positions.expand_as(x))
        return self.dropout(x)

    def unembed(
        self, x: Float[Tensor, "batch pos d_model"]
    ) -> Float[Tensor, "batch pos vocab"]:
        """Compare the final vector with every token's; bend the logits, if they are."""
        if self.config.tie_embeddings:
            logits = F.linear(x, self.token_embedding.weight)
        else:
            logits = self.head(x)
        return softcapped(logits, self.config.logit_softcap)

    def compare(
        self, x: Float[Tensor, "batch pos d_model"]
    ) -> Float[Tensor, "batch pos vocab"]:
        """Compare parts of the final vector with every token's: no bias, not bent."""
        table = self.token_embedding if self.config.tie_embeddings else self.head
        return F.linear(x, table.weight)

    @property
    def head_bias(self) -> Tensor | None:
        """What is added to each token's logit, if anything."""
        bias: Tensor | None = None if self.config.tie_embeddings else self.head.bias
        return bias

    def new_cache(self, batch_size: int, max_len: int | None = None) -> Cache:
        """Make an empty cache for `forward`.

        Args:
            batch_size: Number of texts.
            max_len: Tokens there is room for (none: max_seq_len).
        """
        config = self.config
        max_len = min(max_len or config.max_seq_len, config.max_seq_len)
        like = self.any_weight
        shape = (batch_size, config.kv_heads, max_len, config.d_head)
        cache = allocate(2 * config.num_layers, shape, like)
        if self.token_shift is None:
            return cache
        # The next token needs the embedding of the one before.
        embeddings = allocate(1, (batch_size, max_len, config.d_model), like)
        return Cache(cache.buffers + embeddings.buffers)

    def _check_length(self, tokens: Tensor, cache: Cache | None) -> None:
        length = tokens.shape[1] + (0 if cache is None else cache.length)
        if length > self.config.max_seq_len:
            raise DataError(
                f"The text is {length} tokens long, and this model was made for "
                f"max_seq_len = {self.config.max_seq_len}: shorten it, or train a "
                "model with a larger max_seq_len."
            )
        if cache is not None:
            cache.require(tokens.shape[0], tokens.shape[1])
