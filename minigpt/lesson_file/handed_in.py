"""What learners hand in: results as codes, signed with the class's word, and checked.

    minigpt1.<the result, JSON>.<which word it was>.<the signature of the result>

each in base64url. In a lesson file `results/code.js` makes them, and for the app
`signed`. The signature is HMAC-SHA256 under a key of the word (PBKDF2). It shows that a
result was made with the word and is as it was made. Who knows the word can make any.

Sources: RFC 2104 (1997); RFC 8018 (2017), section 5.2; RFC 4648 (2006), section 5.
"""

import base64
import hashlib
import hmac
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from minigpt import spreadsheet
from minigpt.errors import DataError

BEGINNING = "minigpt1."
ROUNDS = 10_000
SALT = b"minigpt lesson result"

_CODE = re.compile(r"minigpt1\.([\w-]{1,50000})\.([\w-]{6})\.([\w-]{43})", re.ASCII)


class _Signed(BaseModel):
    """JSON of exactly these fields and types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Item(_Signed):
    """One answer."""

    lesson: str
    """Whose question it was: a lesson's of a file; in the app, `lesson.question`."""
    answer: str
    """Empty for *Just show me*, and for an answer of an earlier visit."""
    right: bool


class Score(_Signed):
    """How many questions were answered right, of all."""

    right: int
    asked: int


class Result(_Signed):
    """What a learner hands in."""

    name: str
    lesson: str
    """By its name in the app's address; of a file, the one that it opens with."""
    model: str
    """Tells the model from others: `contents.model_hash`."""
    score: Score
    items: list[Item]
    time: str
    """By the clock of the learner, or of the app: `2026-11-28T11:50:00Z`."""


class HandedIn(NamedTuple):
    """A code that was looked at."""

    source: str
    """Where it was found."""
    result: Result | None
    problem: str
    """Why it does not hold, in a sentence; empty if it does."""


def key_of(word: str) -> bytes:
    """Return the key [32 bytes] that a class's word stands for."""
    plain = unicodedata.normalize("NFC", word.strip()).encode("utf-8", "replace")
    return hashlib.pbkdf2_hmac("sha256", plain, SALT, ROUNDS)


def signed(result: Result, word: str) -> str:
    """Return the code of a result, the very one that a lesson file would make.

    Args:
        result: What to sign.
        word: The class's.
    """
    key = key_of(word)
    text = json.dumps(
        result.model_dump(), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode("utf-8", "replace")
    parts = [text, _sign(key, b"word")[:4], _sign(key, text)]
    return BEGINNING + ".".join(map(_encoded, parts))


def verified(code: str, key: bytes) -> Result:
    """Return what a code says, if it is as it was made with the word.

    Args:
        code: It may be broken into lines, and be followed by other text.
        key: The word's, of `key_of`.

    Raises:
        DataError: If it is damaged, was made with another word, or was altered.
    """
    found = _CODE.match("".join(code.split()))
    parts = [_decoded(part) for part in found.groups()] if found else []
    if not parts or None in parts:
        raise DataError(_DAMAGED)
    text, word, signature = (part or b"" for part in parts)
    if not hmac.compare_digest(_sign(key, b"word")[:4], word):
        raise DataError("This code was made with another word: give the class's.")
    if not hmac.compare_digest(_sign(key, text), signature):
        raise DataError(
            "This code was altered after it was made: let the learner hand in again."
        )
    try:
        return Result.model_validate_json(text)
    except ValidationError:
        raise DataError(_DAMAGED) from None


_DAMAGED = f"This code is damaged: copy all of it, from {BEGINNING} to its end."


def check(sources: Iterable[tuple[str, str]], word: str) -> list[HandedIn]:
    """Look at every code in some texts.

    Args:
        sources: What each text is called, and the text; it may hold several codes.
        word: The class's.
    """
    key = key_of(word)
    found = []
    for source, text in sources:
        codes = [f"{BEGINNING}{rest}" for rest in text.split(BEGINNING)[1:]]
        if not codes:
            problem = f"There is no code here: a code begins with {BEGINNING}"
            found.append(HandedIn(source, None, problem))
        for number, code in enumerate(codes, 1):
            name = source if len(codes) == 1 else f"{source}, {number}"
            found.append(_checked(name, code, key))
    return found


def _checked(source: str, code: str, key: bytes) -> HandedIn:
    try:
        return HandedIn(source, verified(code, key), "")
    except DataError as error:
        return HandedIn(source, None, str(error))


def to_csv(handed_in: Sequence[HandedIn]) -> str:
    """Write what was looked at as a table, with each answer."""
    results = [each.result for each in handed_in if each.result]
    lessons = sorted({item.lesson for result in results for item in result.items})
    header = ["source", "problem", "name", "lesson", "model", "right", "asked", "time"]
    header += [f"{each} {part}" for each in lessons for part in _PARTS]
    rows = []
    for source, result, problem in handed_in:
        cells = [] if result is None else _cells(result, lessons)
        row = [source, problem, *cells]
        rows.append(row + [""] * (len(header) - len(row)))
    return spreadsheet.to_csv(header, rows)


_PARTS = ("answer", "right")


def _cells(result: Result, lessons: Sequence[str]) -> list[str]:
    score = result.score
    cells = [result.name, result.lesson, result.model]
    cells += [str(score.right), str(score.asked), result.time]
    items = {item.lesson: item for item in result.items}
    for lesson in lessons:
        item = items.get(lesson)
        cells += [item.answer, str(int(item.right))] if item else ["", ""]
    return cells


def _sign(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _decoded(part: str) -> bytes | None:
    """Return a part's bytes; None where base64url would have been written otherwise."""
    try:
        content = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        return None
    return content if _encoded(content) == part else None


def _encoded(content: bytes) -> str:
    """Return bytes in base64url."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
