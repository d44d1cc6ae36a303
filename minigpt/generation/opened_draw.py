"""One draw in detail: every stage from the model's logits to the next token.

`sample` draws a token and moves on. This module draws the same token, with the same
random numbers, and keeps every stage: the distribution after each filter, what each of
them removed, and the random numbers themselves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from minigpt.config import GenerationConfig
from minigpt.errors import ConfigError
from minigpt.generation.filters import FilterStage, filter_stages
from minigpt.generation.sample import Sampler
from minigpt.model import LanguageModel


@dataclass(frozen=True)
class StageNumbers:
    """The distribution after one stage."""

    name: str
    """`model`, then the settings' own names."""
    logits: Float[np.ndarray, " vocab"]
    """−∞ where a token was removed."""
    probabilities: Float[np.ndarray, " vocab"]
    removed: float
    """Probability, before this stage, of the tokens that it removed."""
    kept: int
    """Tokens that can still come."""
    entropy: float
    """−Σ p ln p, in nats."""


@dataclass(frozen=True)
class OpenedDraw:
    """One draw, stage by stage."""

    read: list[int]
    """The tokens that the model saw: prompt and text, without what it forgot."""
    text: list[int]
    """The whole prompt and text, which the repetition penalty looks at."""
    stages: list[StageNumbers]
    """The model's own distribution, then one per filter that changes anything."""
    waits: Float[np.ndarray, " vocab"] | None
    """A random time per token, exponential with mean 1; None for greedy."""
    token: int
    """The token that was drawn."""

    @property
    def arrivals(self) -> Float[np.ndarray, " vocab"] | None:
        """Each token's wait ÷ its probability; the first to arrive is drawn."""
        if self.waits is None:
            return None
        with np.errstate(divide="ignore"):
            return np.asarray(self.waits / self.stages[-1].probabilities)

    @property
    def log_prob(self) -> float:
        """Ln p of the token in the model's own distribution, in nats."""
        return math.log(max(float(self.stages[0].probabilities[self.token]), 1e-45))

    def under(self, config: GenerationConfig) -> StageNumbers:
        """Return the distribution that other settings give for the same logits."""
        logits = torch.from_numpy(self.stages[0].logits)[None]
        text = torch.tensor([self.text])
        return _as_numbers(filter_stages(logits, text, config)[-1])

    def shown(self, count: int) -> list[int]:
        """Return the model's likeliest tokens, with the drawn one among them."""
        order = np.argsort(-self.stages[0].probabilities, kind="stable")
        likeliest: list[int] = order[:count].tolist()
        return likeliest if self.token in likeliest else [*likeliest[:-1], self.token]


def open_draw(
    model: LanguageModel,
    prompt_tokens: Sequence[int],
    config: GenerationConfig,
    written: Sequence[int] = (),
) -> OpenedDraw:
    """Draw the token that follows a text, and keep everything that leads to it.

    It is computed by the model's modules, never by the fast decoder.

    Args:
        model: The model that writes.
        prompt_tokens: The prompt.
        config: How to choose; with the same seed, a `Sampler` writes the same token.
        written: What was already written after the prompt.

    Raises:
        ConfigError: If the strategy is beam search, which draws no tokens.
    """
    if config.strategy == "beam":
        raise ConfigError(
            "Beam search draws no tokens: choose strategy greedy or sampling."
        )
    room = max(config.max_new_tokens, len(written) + 1)
    enough = config.replace(max_new_tokens=room)
    sampler = Sampler(model, prompt_tokens, enough, forced=written, watched=True)
    for _ in range(len(written) + 1):
        draw = sampler.draw()
    text = [*prompt_tokens, *written]
    previous = torch.tensor([text], device=draw.logits.device)
    with torch.inference_mode():
        stages = filter_stages(draw.logits, previous, config)
        return OpenedDraw(
            read=text[draw.forgot :],
            text=text,
            stages=[_as_numbers(stage) for stage in stages],
            waits=None if draw.waits is None else draw.waits.numpy(),
            token=draw.token,
        )


def _as_numbers(stage: FilterStage) -> StageNumbers:
    probabilities = stage.probabilities[0]
    return StageNumbers(
        name=stage.name,
        logits=stage.logits[0].cpu().numpy(),
        probabilities=probabilities.cpu().numpy(),
        removed=float(stage.removed[0]),
        kept=int((stage.logits[0] > -torch.inf).sum()),
        entropy=float(torch.special.entr(probabilities).sum()),
    )
