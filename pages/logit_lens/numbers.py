"""What the page of the logit lens draws, computed once for a model and a prompt."""

from dataclasses import dataclass

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.corpora import Divided, divided
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
from minigpt.interpret.stream.part_lens import PartLens, part_lens
from minigpt.interpret.stream.tuned_lens import Distances, TunedLens
from pages.frame.corpora import LONGEST
from pages.frame.remember import remember

opening_of = remember(32, spinner="Looking for a telling token …")(logit_lens_opening)
"""Where the answer overtakes its rival most visibly."""

WINDOWS = (128, 32)
"""Windows to train a tuned lens on, and others to try it on."""


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

    @remember(16, shared=True)
    def parts(self, position: int) -> PartLens:
        """Return what each part of the model adds to every logit."""
        return part_lens(self.checkpoint.model, self.tokens, position)

    @remember(
        32,
        key=lambda source, position: (
            (source, position),
            tuned_lens(source.checkpoint).step,
        ),
    )
    def tuned_column(self, position: int) -> Column:
        """Return all that the tuned lens, as far as it is trained, shows there."""
        return tuned_lens(self.checkpoint).column(self.tokens, position)


def window_length(checkpoint: Checkpoint) -> int:
    """Return how many tokens a window has that the tuned lens reads."""
    return min(LONGEST, checkpoint.model.config.max_seq_len)


@remember(16, shared=True, spinner="Looking for held-out text …")
def tuning_text(checkpoint: Checkpoint) -> Divided | None:
    """Return windows to train a tuned lens on and to try it on; None without text."""
    _, tokenizer, metadata = checkpoint
    return divided(metadata, tokenizer, window_length(checkpoint), WINDOWS)


@remember(8, shared=True)
def tuned_lens(checkpoint: Checkpoint) -> TunedLens:
    """Return a model's tuned lens: one for all readers, trained as far as it is.

    Raises:
        ValueError: If there is no text to train it on.
    """
    text = tuning_text(checkpoint)
    if text is None:
        raise ValueError("There is no text to train a tuned lens on.")
    return TunedLens(checkpoint.model, text.fitted)


@remember(32, key=lambda checkpoint: (checkpoint, tuned_lens(checkpoint).step))
def distances(checkpoint: Checkpoint) -> Distances | None:
    """Return how far both lenses are from the output on text they did not see."""
    text = tuning_text(checkpoint)
    return None if text is None else tuned_lens(checkpoint).distances(text.unseen)
