"""Pairs of prompts as people write them down: a table's rows.

    clean                     corrupted                 answer   rival
    The kite was as red as    The kite was as blue as   a        the

Where answer and rival are empty, the model's own predictions tell (see `alignment`).

Next: `alignment`, which turns rows into tokens of one model.
"""

from typing import Any, Final, NamedTuple

from minigpt.datasets.forms.rows import rows_of
from minigpt.errors import DataError

MOST_PAIRS: Final = 200
"""Pairs of a list; more would make a reader wait without making the mean much surer."""

LONGEST_PROMPT: Final = 2000
"""Characters."""

COLUMNS: Final = {
    "clean": ("clean", "clean_prompt", "prompt"),
    "corrupted": ("corrupted", "corrupt", "corrupted_prompt", "corrupt_prompt"),
    "answer": ("answer", "correct", "clean_answer"),
    "rival": ("rival", "incorrect", "wrong", "corrupted_answer"),
}
"""What each column may be called, in any case."""


class PairRow(NamedTuple):
    """Two prompts, and the two tokens that should tell them apart."""

    clean: str
    corrupted: str
    answer: str = ""
    """What should follow the clean prompt; empty: what the model says."""
    rival: str = ""
    """What should follow the corrupted one."""


def read_pairs(content: bytes, name: str) -> list[PairRow]:
    r"""Read pairs from a CSV, TSV, JSON or JSON lines file.

    >>> read_pairs(b"clean,corrupted\na cat,a dog\n", "pairs.csv")
    [PairRow(clean='a cat', corrupted='a dog', answer='', rival='')]

    Args:
        content: All bytes.
        name: What the file is called, for errors.

    Raises:
        DataError: If the file is damaged, or a row has no two prompts.
    """
    found = []
    for where, value in rows_of(content, name).rows:
        if not isinstance(value, dict):
            raise DataError(f"{name}, {where}: a pair has named columns; {_WANTED}")
        found.append(_row(value, f"{name}, {where}"))
    return found


_WANTED = (
    "the first line names them: clean and corrupted, and, if you like, answer and "
    "rival."
)


def _row(value: dict[Any, Any], where: str) -> PairRow:
    """Find the columns of one row."""
    names = {str(key).strip().lower().replace(" ", "_"): key for key in value}
    texts = {}
    for column, known in COLUMNS.items():
        key = next((names[name] for name in known if name in names), None)
        text = value.get(key)
        if column in ("clean", "corrupted") and key is None:
            raise DataError(f"{where}: there is no column {column!r}; {_WANTED}")
        if not isinstance(text, str | None):
            raise DataError(f"{where}: {column} is {text!r:.40}, but must be a text.")
        texts[column] = text or ""
    too_long = [column for column, text in texts.items() if len(text) > LONGEST_PROMPT]
    if too_long:
        raise DataError(
            f"{where}: {too_long[0]} has more than {LONGEST_PROMPT} characters."
        )
    return PairRow(**texts)
