"""A text that is always at hand and reads unlike a story: this project's own source.

Trained on it, a tokenizer knows `return` and cuts `kite`; trained on stories, the other
way round.
"""

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parents[2]


@cache
def own_source() -> str:
    """Return the Python source of `minigpt`, one file after the other."""
    paths = sorted(_PACKAGE.rglob("*.py"))
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)
