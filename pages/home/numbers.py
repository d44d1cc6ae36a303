"""The numbers of Home, kept while the reader clicks about."""

from minigpt.interpret.openings.home import home_opening
from minigpt.interpret.stream.journey import journey
from pages.frame.remember import remember

follow = remember(32)(journey)
"""The journey of a prompt's tokens, computed once for all readers."""

opening_of = remember(32, spinner="Looking for a telling text …")(home_opening)
"""A text whose next token the model knows."""
