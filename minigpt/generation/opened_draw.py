"""One draw, opened: every stage from the model's logits to the token that comes.

`sample` draws a token and moves on. This module draws the same token, with the same
dice, and keeps what lies between: the distribution after each filter, what each of them
removed, and the throw itself.
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
    """The dice: a time per token, exponential with mean 1 (greedy throws none)."""
    token: int
    """The token that comes."""

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
        """Return the distribution that other settings make of the same logits."""
        logits = torch.from_numpy(self.stages[0].logits)[None]
        text = torch.tensor([self.text])
        return _as_numbers(filter_stages(logits, text, config)[-1])

    def shown(self, count: int) -> list[int]:
        """Return the likeliest tokens by the model, and the one that comes."""
        order = np.argsort(-self.stages[0].probabilities, kind="stable")
        likeliest: list[int] = order[:count].tolist()
        return likeliest if self.token in likeliest else [*likeliest[:-1], self.token]


def open_draw(
    model: LanguageModel,
    prompt_tokens: Sequence[int],
    config: GenerationConfig,
    written: Sequence[int] = (),
) -> OpenedDraw:
    """Draw the token that comes after a text, and keep all that leads to it.

    Args:
        model: Who writes.
        prompt_tokens: What the text began from.
        config: How to choose; with its seed, the token is the one that a `Sampler`
            writes after the same tokens.
        written: What stands after the prompt already.

    Raises:
        ConfigError: If the strategy is beam search, which draws nothing.
    """
    if config.strategy == "beam":
        raise ConfigError(
            "Beam search draws no tokens: choose strategy greedy or sampling."
        )
    room = max(config.max_new_tokens, len(written) + 1)
    enough = config.replace(max_new_tokens=room)
    sampler = Sampler(model, prompt_tokens, enough, forced=written)
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
