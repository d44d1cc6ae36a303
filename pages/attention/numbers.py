"""The numbers of "Attention, step by step", kept while the reader clicks about."""

from minigpt.interpret.heads.attention_editing import edit_head
from minigpt.interpret.heads.attention_steps import attention_steps
from pages.frame.remember import remember

steps_of = remember(64)(attention_steps)
"""One row of one head, step by step."""

edit_of = remember(64)(edit_head)
"""The same row after an edit, and what the edit does to the prediction."""
