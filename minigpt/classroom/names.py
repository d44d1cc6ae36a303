"""What a learner may be called: something that all can read, and that is theirs alone.

The name is shown to the teacher, in messages and in a table for a spreadsheet. So it is
letters and digits, of any script: no markup, no line break, no sign that turns the
direction of what follows.
"""

import re
import unicodedata

from minigpt.errors import RoomError


class TakenError(RoomError):
    """Somebody of the class has this name, or this id, already."""


LONGEST = 32
_SIGNS = "-'’._"
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
"""Letters and marks, by their category, that show nothing: with one, a name would look
like another's."""
_RULE = (
    f"a name is 1 to {LONGEST} letters and digits; spaces, hyphens, apostrophes, full "
    "stops and _ may stand between them"
)


def accepted_name(typed: str) -> str:
    """Return a name as it is shown.

    >>> accepted_name("  Zoë   O'Hara ")
    "Zoë O'Hara"

    Args:
        typed: What somebody wants to be called; not trusted.

    Raises:
        RoomError: If it cannot be a name.
    """
    if len(typed) > 4 * LONGEST:
        raise RoomError(f"This name is too long: {_RULE}.")
    words = unicodedata.normalize("NFKC", typed).split(" ")
    name = " ".join(filter(None, words))
    is_one = 1 <= len(name) <= LONGEST and _begins_well(name)
    if not is_one or not all(map(_is_allowed, name)) or _has_piled_marks(name):
        raise RoomError(f"This cannot be a name: {_RULE}.")
    return name


def fitted_name(given: str) -> str:
    """Return a name as near to one from elsewhere as the rule allows.

    >>> fitted_name("Müller, Zoë (8b)")
    'Müller Zoë 8b'

    Args:
        given: Not trusted.

    Raises:
        RoomError: If nothing of it can be a name.
    """
    letters = unicodedata.normalize("NFKC", given[: 4 * LONGEST])
    name = "".join(each if _is_allowed(each) else " " for each in letters)
    return accepted_name(" ".join(name.split()).lstrip(_SIGNS)[:LONGEST].rstrip())


def name_key(name: str) -> str:
    """Return what two names share that look alike: `Anna`, `ANNA` and `anna`."""
    return unicodedata.normalize("NFKC", name.casefold())


def _begins_well(name: str) -> bool:
    """Whether it begins as a word: with `-` or `=`, a spreadsheet sees a formula."""
    return unicodedata.category(name[0])[0] in "LN"


def _is_allowed(letter: str) -> bool:
    if _UNSEEN.match(letter):
        return False
    return letter == " " or letter in _SIGNS or unicodedata.category(letter)[0] in "LMN"


def _has_piled_marks(name: str) -> bool:
    """Whether accents are piled up so high that they cover the lines around."""
    marks = "".join("m" if unicodedata.category(c)[0] == "M" else "." for c in name)
    return "mmm" in marks
