"""The numbers of "Attention, step by step", kept while the reader clicks about."""

from minigpt.interpret.heads.attention_editing import edit_head
from minigpt.interpret.heads.attention_steps import attention_steps
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


def row_id(reading: Reading, place: Place) -> tuple[object, ...]:
    """Return what tells one row from every other."""
    return str(models.chosen_path(models.chosen_entry())), *reading.tokens, *place
