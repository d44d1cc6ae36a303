"""The logit lens: `interpret.stream.logit_lens` by hand."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.model import TransformerLM


@torch.inference_mode()
def lens_logits(
    model: TransformerLM, tokens: Int[Tensor, "1 pos"]
) -> Float[Tensor, "point pos vocab"]:
    """Compute what the model would say if it stopped after each step.

        lens(point) = unembed(ln_final(residual stream at that point))

    The points: the embedding, and the stream after each attention and each MLP.

    Source: nostalgebraist, "interpreting GPT: the logit lens" (2020).
    """
    ends = ("hook_resid_mid", "hook_resid_post")
    hooks = [name for name in model.hook_points if name.endswith(ends)]
    hooks = ["blocks.0.hook_resid_pre", *hooks]
    _, cache = model.run_with_cache(tokens, hooks)
    stream = torch.cat([cache[hook] for hook in hooks])  # [point pos d_model]
    return model.unembed(model.ln_final(stream))


def rank(
    logits: Float[Tensor, "point pos vocab"], token: int
) -> Int[Tensor, "point pos"]:
    """Return a token's rank: one more than the number of tokens with larger logits."""
    return (logits > logits[..., token, None]).sum(-1) + 1


def divergence_from_output(
    logits: Float[Tensor, "point pos vocab"],
) -> Float[Tensor, "point pos"]:
    """Compute how far each point is from the model's output, the last point.

    KL(output ‖ lens) = Σ_t output(t) · (ln output(t) − ln lens(t))      in nats
    """
    here = logits.log_softmax(-1)
    output = here[-1]
    return (output.exp() * (output - here)).sum(-1)
