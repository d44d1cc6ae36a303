"""The numbers of Home, kept while the reader clicks about."""

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.openings.home import home_opening
from minigpt.interpret.openings.opening import held_out_prompts
from minigpt.interpret.stream.journey import journey
from pages.frame.remember import remember

follow = remember(32)(journey)
"""The journey of a prompt's tokens, computed once for all readers."""

opening_of = remember(32, spinner="Looking for a telling text …")(home_opening)
"""A text whose next token the model knows."""


@remember(32)
def prompts_of(checkpoint: Checkpoint) -> list[tuple[str, list[int]]]:
    """Return other texts to ask about, with their tokens."""
    return list(held_out_prompts(checkpoint, 8, 6))
