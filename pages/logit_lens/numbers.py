"""What the page of the logit lens draws, computed once for a model and a prompt."""

from dataclasses import dataclass

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.openings.logit_lens import logit_lens_opening
from minigpt.interpret.stream.attribution import Attribution, attribute
from minigpt.interpret.stream.logit_lens import (
    Column,
    Lens,
    TokenPath,
    follow_token,
    lens_column,
    logit_lens,
)
from pages.frame.remember import remember

opening_of = remember(32, spinner="Looking for a telling token …")(logit_lens_opening)
"""Where the answer overtakes its rival most visibly."""


@dataclass(frozen=True)
class LensReading:
    """The chosen model and the prompt that it read."""

    checkpoint: Checkpoint
    tokens: list[int]
    pieces: list[str]

    def piece(self, token: int) -> str:
        """Return the text of a token."""
        return self.checkpoint.tokenizer.pieces([token])[0]

    @remember(16, spinner="Reading every layer …")
    def lens(self) -> Lens:
        """Return the lens at every point, after every token."""
        return logit_lens(self.checkpoint.model, self.tokens)

    @remember(32)
    def path_of(self, token: int) -> TokenPath:
        """Return one token's path through the layers."""
        return follow_token(self.checkpoint.model, self.tokens, token)

    @remember(32)
    def column(self, position: int) -> Column:
        """Return all that the lens shows after one token."""
        return lens_column(self.checkpoint.model, self.tokens, position)

    @remember(64)
    def attribution(self, position: int, token: int, minus: int | None) -> Attribution:
        """Return what each part of the model adds to a logit."""
        return attribute(self.checkpoint.model, self.tokens, position, token, minus)
