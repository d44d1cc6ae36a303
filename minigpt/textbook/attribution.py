"""Direct logit attribution: `interpret.stream.attribution` by hand.

Every function splits logit(A), or logit(A) − logit(B), after one position.

Source: Elhage et al., "A Mathematical Framework for Transformer Circuits" (2021).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.activation_cache import ActivationCache
from minigpt.interpret.stream.logit_direction import (
    block_at,
    held_norm,
    logit_direction,
    unembedding,
)
from minigpt.model import Block, TransformerLM


@torch.inference_mode()
def logit_shares(
    model: TransformerLM,
    tokens: Int[Tensor, "1 pos"],
    position: int,
    a: int,
    b: int | None = None,
) -> dict[str, float]:
    """Compute what each part of the model adds to a logit.

        share(part) = part · direction      direction = centre(weight ⊙ W_U[A]) / scale

    where `scale`, what the final norm divides by, is held at the value it has.

    Args:
        model: Any transformer.
        tokens: Ids of the prompt.
        position: After which of them the logit is read.
        a: Id of the token whose logit is split.
        b: Id of its rival; W_U[A] − W_U[B] then replaces W_U[A].
    """
    _, cache = model.run_with_cache(tokens)
    scale = cache["ln_final.hook_scale"][0, position]
    row = unembedding(model, a, b)
    direction = logit_direction(model.ln_final, row, scale)  # [d_model]
    parts = {"embedding": cache[model.embedding_hook][0, position]}  # each [d_model]
    if model.token_shift is not None:
        parts["token before"] = cache["hook_token_shift"][0, position]
    if model.position_embedding is not None:
        parts["position"] = cache["hook_pos_embed"][0, position]
    for layer in range(model.config.num_layers):
        block = block_at(model, layer)
        parts |= written_by_attention(cache, block, layer, position)
        if block.has_mlp:
            parts[f"L{layer} MLP"] = cache["mlp_out", layer][0, position]
    shares = {name: float(part @ direction) for name, part in parts.items()}
    bias = getattr(model.ln_final, "bias", None)  # it comes after the division
    if bias is not None:
        shares["norm bias"] = float(bias @ row)
    own = model.head_bias
    if own is not None:
        shares["head bias"] = float(own[a] - (0.0 if b is None else own[b]))
    return shares


def written_by_attention(
    cache: ActivationCache, block: Block, layer: int, position: int
) -> dict[str, Tensor]:
    """Return what each head adds to the stream, and the bias, if there is one."""
    z = cache["z", layer][0, position]  # [head d_head]
    slices = block.attn.output.weight.chunk(len(z), dim=1)  # one for each head
    written = {f"L{layer}H{h}": output @ z[h] for h, output in enumerate(slices)}
    if block.attn.output.bias is not None:
        written[f"L{layer} bias"] = block.attn.output.bias
    if block.ln1_post is None:
        return written
    # A norm of their sum divides all of them by one number.
    size = cache[f"blocks.{layer}.ln1_post.hook_scale"][0, position]
    for name, each in written.items():
        written[name] = held_norm(block.ln1_post, each, size)
    shift = getattr(block.ln1_post, "bias", None)
    if shift is not None:
        written[f"L{layer} bias"] = written[f"L{layer} bias"] + shift
    return written


@torch.inference_mode()
def neuron_shares(
    model: TransformerLM,
    tokens: Int[Tensor, "1 pos"],
    position: int,
    layer: int,
    a: int,
    b: int | None = None,
) -> Float[Tensor, " neuron"]:
    """Compute what each neuron of one MLP adds to a logit.

        share(n) = activation_n · (W_out[:, n] · direction)

    Arguments as for `logit_shares`.

    Returns:
        The ten of largest size, largest first.
    """
    _, cache = model.run_with_cache(tokens)
    scale = cache["ln_final.hook_scale"][0, position]
    direction = logit_direction(model.ln_final, unembedding(model, a, b), scale)
    block = block_at(model, layer)
    if block.ln2_post is not None:  # a norm of what all neurons write
        size = cache[f"blocks.{layer}.ln2_post.hook_scale"][0, position]
        direction = logit_direction(block.ln2_post, direction, size)
    activations = cache["post", layer][0, position]  # [d_ff]
    shares = activations * (direction @ block.mlp.output.weight)
    return shares[shares.abs().topk(min(10, len(shares))).indices]
