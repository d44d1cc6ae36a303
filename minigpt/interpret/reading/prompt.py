"""A model reads a prompt, and every head's attention is kept.

The step before `heads.scores`, which says in numbers and words what the patterns show.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.errors import DataError
from minigpt.hooks import Hooked
from minigpt.model import LanguageModel, TransformerLM
from minigpt.tokenizers.base import Tokenizer

PATTERN = "attn.hook_pattern"

Streams = Float[Tensor, "layer pos d_model"]
"""The residual stream of one text before each block."""


@dataclass(frozen=True)
class Reading:
    """One prompt as a model saw it, and what each head attended to."""

    tokens: list[int]
    pieces: list[str]
    """The tokens' texts, one per position."""
    unknown: list[str]
    """Characters or words of the prompt that the tokenizer never saw."""
    patterns: Float[np.ndarray, "layer head q_pos k_pos"]
    """Attention weights after the softmax: `blocks.{layer}.attn.hook_pattern`."""
    streams: Streams = field(repr=False, compare=False)
    """`blocks.{layer}.hook_resid_pre`."""

    def hook_name(self, layer: int) -> str:
        """Name the hook that holds a layer's patterns, [batch head q_pos k_pos]."""
        return f"blocks.{layer}.{PATTERN}"


def read_prompt(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt: str,
    *,
    last_only: bool = False,
) -> Reading:
    """Run a model on a prompt and keep the pattern of every head.

    Args:
        model: With attention: an MLP has no heads.
        tokenizer: The model's own.
        prompt: At least one token, at most the model's `max_seq_len`.
        last_only: Of a longer prompt, read only as many tokens from its end as fit.

    Raises:
        DataError: If the prompt is empty or too long, or the model has no heads.
    """
    if not isinstance(model, TransformerLM):
        raise DataError(
            "This model is an MLP: it mixes the last few tokens with fixed weights and "
            "has no attention heads to show. Choose a transformer."
        )
    tokens = tokenizer.encode(prompt)
    longest = model.config.max_seq_len
    if not tokens:
        raise DataError("The prompt is empty: type at least one character.")
    if last_only:
        tokens = tokens[-longest:]
    if len(tokens) > longest:
        raise DataError(
            f"The prompt has {len(tokens)} tokens, and this model reads at most "
            f"{longest} at once: shorten it by {len(tokens) - longest}."
        )
    patterns, streams = _run(model, tokens, PATTERN, "hook_resid_pre")
    return Reading(
        tokens=tokens,
        pieces=tokenizer.pieces(tokens),
        unknown=tokenizer.unknown(prompt),
        patterns=patterns.float().cpu().numpy(),
        streams=streams,
    )


def attention_patterns(
    model: Hooked, tokens: list[int]
) -> Float[np.ndarray, "layer head q_pos k_pos"]:
    """Return the attention weights of all heads in all layers on one text."""
    (patterns,) = _run(model, tokens, PATTERN)
    return patterns.float().cpu().numpy()


def _run(model: Hooked, tokens: list[int], *ends: str) -> list[Tensor]:
    """Return what the hooks whose names end so hold on one text, [layer …] each."""
    device = next(model.parameters()).device
    with torch.inference_mode():
        _, cache = model.run_with_cache(
            torch.tensor([tokens], device=device), lambda name: name.endswith(ends)
        )
        return [
            torch.cat([value for name, value in cache.items() if name.endswith(end)])
            for end in ends
        ]


def append_token(tokenizer: Tokenizer, prompt: str, token: int) -> str:
    """Return a prompt with one more token's text at its end.

    The text that a token adds may depend on what stands before it (a word tokenizer
    puts a space there), so it is what decoding both leaves beyond decoding the prompt.
    """
    before = tokenizer.encode(prompt)
    old, new = tokenizer.decode(before), tokenizer.decode([*before, token])
    return prompt + new.removeprefix(old)
