"""What a generation returns: the text, and how it came about."""

from dataclasses import dataclass
from typing import Literal

from minigpt.generation.beam.tree import BeamResult

StopReason = Literal["eos", "length", "stop"]


@dataclass(frozen=True)
class Generation:
    """A text that was written, and how."""

    prompt: str
    prompt_tokens: list[int]
    text: str
    """What was written after the prompt."""
    tokens: list[int]
    pieces: list[str]
    log_probs: list[float]
    """ln p of each token in the model's own distribution, before any filter."""
    stop_reason: StopReason
    """`eos`: the model ended it; `length`: max_new_tokens; `stop`: a stop text."""
    warnings: list[str]
    forgot: int
    """Tokens at the beginning that the model no longer saw in the end."""
    seed: int | None
    """Gives the same text again (none: beam search throws no dice)."""
    beams: BeamResult | None = None

    @property
    def full_text(self) -> str:
        """The prompt and what follows it."""
        return self.prompt + self.text
