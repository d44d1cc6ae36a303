"""One row of one head: `interpret.heads.attention_steps` by hand."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.interpret.stream.logit_direction import block_at
from minigpt.model import TransformerLM


@torch.inference_mode()
def attention_row(
    model: TransformerLM,
    tokens: Int[Tensor, "1 pos"],
    layer: int,
    head: int,
    query: int,
) -> dict[str, Float[Tensor, " _"]]:
    """Compute how one token reads the tokens up to itself.

        raw = k · q      weights = softmax(raw / √d_head + bias)      z = Σ weight · v

    The bias is the position scheme's (ALiBi, relative), and −∞ for later tokens
    and for those before the layer's window, if it has one.

    Args:
        model: Any transformer.
        tokens: Ids of the text.
        layer: Which block.
        head: Which of its heads.
        query: Position of the token that reads.

    Returns:
        `raw` [k_pos], `weights` [k_pos] and `z` [d_head].

    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 1.
    """
    attention, config = block_at(model, layer).attn, model.config
    turned = "" if attention.rotary is None else "rot_"  # RoPE turns q and k
    names = [f"{turned}q", f"{turned}k", "v"]
    _, cache = model.run_with_cache(
        tokens, [f"blocks.{layer}.attn.hook_{name}" for name in names]
    )
    shared = head // (config.num_heads // config.kv_heads)  # grouped heads share k, v
    q = cache[f"{turned}q", layer][0, query, head]  # [d_head]
    k = cache[f"{turned}k", layer][0, :, shared]  # [k_pos d_head]
    v = cache["v", layer][0, :, shared]
    raw = k @ q
    scores = raw / config.d_head**0.5
    if attention.softcap is not None:  # no score is farther from 0 than this
        scores = attention.softcap * (scores / attention.softcap).tanh()
    if attention.position_bias is not None:
        count = tokens.shape[1]
        scores += attention.position_bias(count, count, model.device)[head, query]
    scores[query + 1 :] = -torch.inf  # the causal mask
    if attention.window is not None:
        scores[: max(query + 1 - attention.window, 0)] = -torch.inf
    weights = scores.softmax(-1)
    return {"raw": raw, "weights": weights, "z": weights @ v}
