"""The numbers of "Multi-head and block", kept while the reader clicks about."""

from minigpt.interpret.openings.block import block_opening
from minigpt.interpret.stream.block_view import block_view
from minigpt.interpret.stream.journey import JourneyStage, journey
from minigpt.model import TransformerLM
from pages.frame.remember import remember

block_of = remember(64)(block_view)
"""One token's way through one block."""

opening_of = remember(32, spinner="Looking for a telling block …")(block_opening)
"""Where one part of a block writes clearly more than the other."""


@remember(16)
def stages_of(model: TransformerLM, tokens: list[int]) -> list[JourneyStage]:
    """Return every part of the model in turn, none put together with another."""
    return journey(model, tokens, most=model.config.num_layers, count=1).stages
