"""What the questions of Generation are about, computed once for each model."""

from itertools import islice

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig
from minigpt.generation.cache_growth import grow_cache
from minigpt.generation.opened_draw import OpenedDraw, open_draw
from minigpt.interpret.openings.beginnings import (
    Beginning,
    beginnings,
    read_beginning,
)
from minigpt.interpret.openings.generation import generation_opening
from minigpt.model import LanguageModel
from pages.frame import models
from pages.frame.remember import remember

APART = 4
"""Every fourth beginning of the held-out texts is asked about."""

opening_of = remember(32, spinner="Looking for an open next token …")(
    generation_opening
)
"""The prompt after which the temperature matters most."""

growth_of = remember(16)(grow_cache)
"""A prompt's keys and values, read one token at a time."""

expectation = remember(32, shared=True)(read_beginning)
"""What a model expects after one prompt."""


@remember(64)
def draw_of(
    model: LanguageModel,
    tokens: list[int],
    config: GenerationConfig,
    written: list[int],
) -> OpenedDraw:
    """Return the draw of the token that follows a prompt and what was written."""
    with models.turn_to_write():
        return open_draw(model, tokens, config, written)


@remember(4, shared=True)
def expectations_of(checkpoint: Checkpoint) -> list[Beginning]:
    """Return what a model expects after other prompts: texts not learned from."""
    return list(islice(beginnings(checkpoint), 0, None, APART))
