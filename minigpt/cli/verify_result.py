"""`verify-result`: check what learners handed in from a lesson or a lesson file."""

import dataclasses
import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from minigpt.cli.output import complain, say
from minigpt.cli.parsing import argument, flag, parse
from minigpt.errors import DataError
from minigpt.lesson_file.handed_in import BEGINNING, HandedIn, check, to_csv
from minigpt.regular_files import read_regular

VARIABLE = "MINIGPT_WORD"
MOST_BYTES = 2**20


@dataclasses.dataclass(frozen=True)
class VerifyArguments:
    """What to check, and with which word."""

    results: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        argument("FILE_OR_CODE", "Files that learners sent, or codes."),
    ]
    word: Annotated[
        str | None,
        flag(f"The class's word (none: that of {VARIABLE}, or you are asked for it)."),
    ] = None
    csv: Annotated[bool, flag("Print a table with every answer, as CSV.")] = False


def run(words: Sequence[str]) -> int:
    """Run `verify-result`; 2 if a result does not hold."""
    description = "Check results that learners handed in."
    arguments = parse(VerifyArguments, words, "verify-result", description)
    if not arguments.results:
        raise DataError("Nothing to check: name a file that a learner sent, or a code.")
    sources = [_source(each) for each in arguments.results]
    handed_in = check(sources, _word(arguments.word))
    if arguments.csv:
        say(to_csv(handed_in), end="")
    else:
        _print_table(handed_in)
    problems = [each for each in handed_in if each.problem]
    for each in problems:
        complain(f"{each.source}: {each.problem}")
    return 2 if problems else 0


def _source(given: str) -> tuple[str, str]:
    """Return what an argument is called, and the text in it."""
    if given.startswith(BEGINNING):
        return f"{given[:20]}…", given
    try:
        return given, read_regular(Path(given), MOST_BYTES)
    except UnicodeDecodeError:
        raise DataError(f"{given} is no text: name the file that was sent.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{given} cannot be read ({reason}): name a file, or a code that begins "
            f"with {BEGINNING}"
        ) from None


def _word(given: str | None) -> str:
    word = given if given is not None else os.environ.get(VARIABLE)
    if word is None and sys.stdin.isatty():
        word = getpass.getpass("The class's word: ")
    if not (word or "").strip():
        raise DataError(f"Give the class's word, with --word or in {VARIABLE}.")
    return word or ""


def _print_table(handed_in: Sequence[HandedIn]) -> None:
    rows = [["name", "lesson", "score", "made", "model"]]
    for result in (each.result for each in handed_in if each.result):
        score = f"{result.score.right} of {result.score.asked}"
        cells = (result.name, result.lesson, score, result.time, result.model)
        rows.append([" ".join(cell.split()) for cell in cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows if len(rows) > 1 else ():
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        say("  ".join(padded).rstrip())
