"""Decoding: the model once more, in NumPy, for one new token per text.

The model is made of modules, each with a name and hooks on its values. For one token
the numbers are few, and calling modules takes longer than multiplying: even a product
takes torch twice as long to begin as NumPy. So on the CPU, while nobody watches, a text
is continued by the functions below. They read the same weights and the same cache, in
place; softmax, activations and layer norms are torch's own, one call each.

    x ─ norm ─ qkv ─ attention over the cache ─ out ─(+)─ norm ─ MLP ─(+)─ …

`minigpt.model` is the definition. A test holds the two together for every setting.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Int

from minigpt.config import ModelConfig
from minigpt.generation.fast_matrices import FastMatrices
from minigpt.generation.fast_parts import (
    Array,
    Map,
    absolute_positions,
    array,
    in_torch,
    norm_of,
    softcapping,
    then,
    turning,
)
from minigpt.generation.fast_threads import Threads
from minigpt.generation.place import Place
from minigpt.model import TransformerLM
from minigpt.model.attention import MultiHeadAttention
from minigpt.model.block import Block
from minigpt.model.feedforward import FeedForward, GatedFeedForward
from minigpt.model.kv_cache import Cache
from minigpt.model.norm import LayerNorm, RMSNorm
from minigpt.quantization.fast_products import fast_lookup

Attention = Callable[[Array, Array, Array, Place], Array]
"""Maps x [batch d_model], a layer's keys and values [batch kv_head pos d_head], and the
new tokens' place to what attention adds, [batch d_model]."""


class Decoder:
    """Continues texts by one token at a time.

    Args:
        model: Its weights are read when the decoder is made; a later training step is
            not noticed.
        num_texts: How many texts it will continue at once.
        copies: Keep the matrices a second time, turned so that a product with one row
            reads them in order: up to twice as quick, and worth the memory (as much as
            the model's) from some dozen tokens on.
    """

    def __init__(self, model: TransformerLM, num_texts: int, copies: bool) -> None:
        config = model.config
        matrices = FastMatrices(num_texts, copies)
        build = _Builder(config, matrices.product)
        self.embed = then(fast_lookup(model.token_embedding), model.ln_embed)
        self.positions = absolute_positions(model)
        self.blocks = [build.block(cast(Block, block)) for block in model.blocks]
        self.parallel_mlp = config.parallel_mlp
        self.norm = norm_of(model.ln_final)
        embedding = model.token_embedding
        self.head = matrices.product(embedding if config.tie_embeddings else model.head)
        self.bend = softcapping(config.logit_softcap)
        self._threads = Threads(matrices.shares_work_in_torch)

    @staticmethod
    def knows(model: object) -> bool:
        """Whether a model can be decoded here.

        It can be if it is a transformer in fp32 on the CPU that looks at a token's id
        only once; others are left to their own forward.
        """
        if not isinstance(model, TransformerLM):
            return False
        if model.config.token_shift or model.config.value_embeddings:
            return False
        weight = model.any_weight
        return weight.device.type == "cpu" and weight.dtype == torch.float32

    def threads(self) -> AbstractContextManager[None]:
        """Limit the threads around a token and its choice: see `fast_threads`.

        torch shares even a softmax among its threads. NumPy's, which wait for the next
        product and keep a core busy meanwhile, would fight them: the larger the model,
        the more, up to five times the time.
        """
        return self._threads.limited()

    def next_logits(
        self, tokens: Int[np.ndarray, " batch"], cache: Cache
    ) -> Float[np.ndarray, "batch vocab"]:
        """Read one more token of each text and score what comes next.

        Args:
            tokens: The newest ids, of the model's vocabulary.
            cache: What was read before, with room for one more; the token is added.
        """
        place = Place(slice(None), cache.length, cache.length + 1)
        logits = self.read(tokens, [each.numpy() for each in cache.buffers], place)
        cache.advance(1)
        return logits

    def read(
        self, tokens: Int[np.ndarray, " batch"], buffers: Iterable[Array], place: Place
    ) -> Float[np.ndarray, "batch vocab"]:
        """Read one more token of each text, wherever each of them stands.

        Args:
            tokens: As for `next_logits`, which is this for texts of one length.
            buffers: Keys and values of each layer in turn, [batch kv_head pos d_head];
                the new ones are written there.
            place: Where the tokens stand.
        """
        layers = iter(buffers)
        # A diverged model has infinities; whoever reads the logits says so.
        with self._threads.timed(), np.errstate(over="ignore", invalid="ignore"):
            x = self.embed(tokens)
            if self.positions is not None:
                x = x + self.positions[place.position]
            for (attend, think), keys, values in zip(
                self.blocks, layers, layers, strict=True
            ):
                before = x
                x = x + attend(x, keys, values, place)
                if think is not None:
                    x = x + think(before if self.parallel_mlp else x)
            logits = self.head(self.norm(x))
            return logits if self.bend is None else self.bend(logits)


class _Builder:
    """Makes functions of modules; looks up once what never changes."""

    def __init__(
        self, config: ModelConfig, product: Callable[[torch.nn.Module], Map]
    ) -> None:
        self.config, self.product = config, product

    def block(self, block: Block) -> tuple[Attention, Map | None]:
        """Return a block's two steps; the second is missing where there is no MLP."""
        attend = self.attention(block.ln1, block.attn, block.ln1_post)
        if not block.has_mlp:
            return attend, None
        return attend, then(self.mlp(block.ln2, block.mlp), block.ln2_post)

    def attention(
        self,
        norm: LayerNorm | RMSNorm,
        attn: MultiHeadAttention,
        post_norm: LayerNorm | RMSNorm | None,
    ) -> Attention:
        normalize, bend = norm_of(norm), softcapping(attn.softcap)
        project = self.product(attn.qkv)
        combine = then(self.product(attn.output), post_norm)
        normalize_q = None if attn.q_norm is None else norm_of(attn.q_norm)
        normalize_k = None if attn.k_norm is None else norm_of(attn.k_norm)
        turn = None if attn.rotary is None else turning(attn.rotary)
        num_heads, kv_heads, d_head = attn.num_heads, attn.kv_heads, attn.d_head
        bias, window = self.bias_by_distance(attn), attn.window
        scale = d_head**-0.5
        softmax = in_torch(lambda scores: torch.softmax(scores, -1))

        def attend(x: Array, keys: Array, values: Array, place: Place) -> Array:
            heads = project(normalize(x)).reshape(len(x), -1, d_head)
            q, k = heads[:, :num_heads], heads[:, num_heads:-kv_heads]
            if normalize_q is not None and normalize_k is not None:
                q, k = normalize_q(q), normalize_k(k)
            if turn is not None:
                q, k = turn(q, place.position), turn(k, place.position)
            keys[place.rows, :, place.position] = k
            values[place.rows, :, place.position] = heads[:, -kv_heads:]
            # Query heads that share keys are the rows of one product.
            q = (q * scale).reshape(len(x), kv_heads, -1, d_head)
            scores = q @ keys[:, :, : place.seen].mT  # [batch kv_head group k_pos]
            if bend is not None:
                scores = bend(scores)
            if bias is not None:
                scores += place.bias(bias)
            for hidden in (place.behind, place.outside(window)):
                if hidden is not None:
                    scores += hidden
            z = softmax(scores) @ values[:, :, : place.seen]
            return combine(z.reshape(len(x), -1))

        return attend

    def mlp(self, norm: LayerNorm | RMSNorm, mlp: FeedForward) -> Map:
        normalize, activate = norm_of(norm), in_torch(mlp.activation)
        widen, narrow = self.product(mlp.input), self.product(mlp.output)
        if not isinstance(mlp, GatedFeedForward):
            return lambda x: narrow(activate(widen(normalize(x))))
        gate = self.product(mlp.gate)

        def think(x: Array) -> Array:
            x = normalize(x)
            return narrow(activate(widen(x)) * gate(x))

        return think

    def bias_by_distance(
        self, attn: MultiHeadAttention
    ) -> Float[np.ndarray, "kv_head group pos"] | None:
        """Return what is added to the last query's scores, farthest key first.

        The row of a query depends only on distances, so each is the end of the longest.
        """
        if attn.position_bias is None:
            return None
        longest = self.config.max_seq_len
        bias = attn.position_bias(1, longest, torch.device("cpu"))
        return array(bias.float()).reshape(attn.kv_heads, -1, longest)
