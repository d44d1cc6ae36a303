"""The residual stream: `interpret.stream.block_view` and `journey` by hand."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.interpret.stream.logit_direction import block_at
from minigpt.model import TransformerLM


@torch.inference_mode()
def block_sum(
    model: TransformerLM, tokens: Int[Tensor, "1 pos"], layer: int, position: int
) -> dict[str, Float[Tensor, " _"]]:
    """Add up what one block writes into one token's residual stream.

        attention = Σ_head result_head + b_O      after = before + attention + MLP

    A model with `post_norms` normalises that sum before it adds it.

    Args:
        model: Any transformer.
        tokens: Ids of the text.
        layer: Which block.
        position: Which token.

    Returns:
        `heads`, the length of each head's result [head]; `attention` and `after`, the
        stream after the block [d_model].
    """
    _, cache = model.run_with_cache(tokens, f"blocks.{layer}.*")
    block = block_at(model, layer)
    results = cache["result", layer][0, position]  # [head d_model]
    attention = results.sum(0)
    if block.attn.output.bias is not None:
        attention = attention + block.attn.output.bias
    if block.ln1_post is not None:
        attention = block.ln1_post(attention)
    after = cache["resid_pre", layer][0, position] + attention
    if block.has_mlp:
        after = after + cache["mlp_out", layer][0, position]
    return {"heads": results.norm(dim=-1), "attention": attention, "after": after}


@torch.inference_mode()
def stream_norms(
    model: TransformerLM, tokens: Int[Tensor, "1 pos"], hooks: Sequence[str]
) -> Float[Tensor, "hook pos"]:
    """Measure how long every token's residual stream is at some hooks.

        ‖x‖ = √Σ_d x_d²

    Args:
        model: Any transformer.
        tokens: Ids of the text.
        hooks: Names of hooks that hold the stream, such as `blocks.0.hook_resid_pre`.
    """
    _, cache = model.run_with_cache(tokens, hooks)
    return torch.stack([cache[hook][0].norm(dim=-1) for hook in hooks])
