"""One step of a stream: a token, and the alternatives to it."""

import math
from dataclasses import dataclass

import torch

from minigpt.generation.sample import SampledToken
from minigpt.tokenizers import Tokenizer


@dataclass(frozen=True)
class TokenStep:
    """A token, and the distributions it came from."""

    position: int
    """Counted from 0 at the first token after the prompt."""
    token: int
    piece: str
    text_so_far: str
    """The continuation up to here, without the prompt. A character that takes several
    tokens appears with its last one."""
    probability: float
    """In the model's own distribution, before any filter."""
    filtered_probability: float
    """After the filters: the chance with which the token was drawn."""
    log_prob: float
    """ln of `probability`, in nats."""
    entropy: float
    """Of the model's own distribution, −Σ p ln p, in nats."""
    top_tokens: list[int]
    """The likeliest tokens, likeliest first."""
    top_pieces: list[str]
    top_probabilities: list[float]
    """Before any filter."""
    top_filtered: list[float]
    """After the filters; 0 where removed."""
    forced: bool
    """Whether the caller chose the token."""
    forgot: int
    """Tokens at the beginning of the text that the model no longer saw."""

    @property
    def surprise(self) -> float:
        """−ln p of the token, in nats."""
        return -self.log_prob


@torch.inference_mode()
def describe(
    draw: SampledToken,
    position: int,
    text: str,
    tokenizer: Tokenizer,
    num_alternatives: int,
) -> TokenStep:
    """Turn a sampled token into what a reader wants to know about it."""
    probabilities = draw.logits[0].softmax(dim=-1)
    filtered = draw.filtered[0].softmax(dim=-1)
    top = probabilities.topk(min(num_alternatives, len(probabilities)))
    top_tokens = top.indices.tolist()
    return TokenStep(
        position=position,
        token=draw.token,
        piece=tokenizer.piece(draw.token),
        text_so_far=text,
        probability=math.exp(draw.log_prob),
        filtered_probability=float(filtered[draw.token]),
        log_prob=draw.log_prob,
        entropy=float(torch.special.entr(probabilities).sum()),
        top_tokens=top_tokens,
        top_pieces=tokenizer.pieces(top_tokens),
        top_probabilities=top.values.tolist(),
        top_filtered=filtered[top.indices].tolist(),
        forced=draw.forced,
        forgot=draw.forgot,
    )
