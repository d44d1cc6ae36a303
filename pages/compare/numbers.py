"""What comparing found, kept for the next reader: running two models takes time."""

from dataclasses import dataclass

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.differences.comparison import (
    PieceChanges,
    TextComparison,
    compare_text,
    continuations,
)
from minigpt.interpret.differences.gradients import batch_gradients
from minigpt.interpret.differences.pattern_change import pattern_change
from minigpt.interpret.differences.weight_change import weight_change
from minigpt.interpret.openings.compare import compare_opening
from pages.compare.choice import ComparedText, Side
from pages.frame import models, notebook
from pages.frame.remember import remember


@dataclass(frozen=True)
class Compared:
    """All that the page shows is about this."""

    before: Side
    after: Side
    text: ComparedText
    found: TextComparison
    place: int
    """The piece that is open."""

    @property
    def opening(self) -> str:
        """The lines of Python that load both models and read the text."""
        paths = self.before.path, self.after.path
        return notebook.opening_of_two(*paths, self.text.content)

    @property
    def checkpoints(self) -> tuple[Checkpoint, Checkpoint]:
        """Both models: the one to compare with first."""
        return self.before.checkpoint, self.after.checkpoint


text_comparison = remember(8, spinner="Both models read …")(compare_text)
"""The losses of both models on a text."""

opening_of = remember(32, spinner="Looking for a telling text …")(compare_opening)
"""Where a mean that improves hides most."""


@remember(512)
def changes_on(before: Checkpoint, after: Checkpoint, text: str) -> PieceChanges:
    """Return how the loss on each piece of another text changes."""
    return compare_text(before, after, text).changes


head_change = remember(32, spinner="Comparing the heads …")(pattern_change)
"""How differently the heads attend to the text, [layer head], in bits."""

weights = remember(32, spinner="Comparing the weights …")(weight_change)
"""How far apart the weights are."""

pulls = remember(32, spinner="Computing the gradients …")(batch_gradients)
"""How strongly a batch of texts pulls at a model's weights."""


@remember(32, spinner="Both models write …")
def samples(
    before: Checkpoint, after: Checkpoint, prompt: str, seed: int
) -> tuple[str, str]:
    """Return what both models write after the text."""
    with models.turn_to_write():
        return continuations(before, after, prompt, seed=seed)
