"""The numbers of "Attention, step by step", kept while the reader clicks about."""

from minigpt.interpret.heads.attention_editing import edit_head
from minigpt.interpret.heads.attention_steps import attention_steps
from minigpt.interpret.heads.row_challenge import row_challenge
from minigpt.interpret.openings.attention import attention_opening
from minigpt.interpret.reading.prompt import Reading
from pages.frame import models
from pages.frame.reading import Place
from pages.frame.remember import remember

ROOT, POSITIONS, MASK = "÷ √d", "positions", "mask"
"""Steps that can be left out, as the page calls them."""

steps_of = remember(64)(attention_steps)
"""One row of one head, step by step."""

edit_of = remember(64)(edit_head)
"""The same row after an edit, and what the edit does to the prediction."""

opening_of = remember(32, spinner="Looking for a telling row …")(attention_opening)
"""Where leaving out ÷ √d changes most in a model."""

challenge_of = remember(32)(row_challenge)
"""A token that one attention weight can make the model say."""


def row_id(reading: Reading, place: Place) -> tuple[object, ...]:
    """Return what tells one row from every other."""
    return str(models.chosen_path(models.chosen_entry())), *reading.tokens, *place
