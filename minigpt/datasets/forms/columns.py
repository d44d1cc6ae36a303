"""What a file's columns are: the prompt, the answer, turns, or two answers.

A form is recognised by the names of a row's columns, in any case: whoever made the file
called the question `instruction`, `prompt` or `Question`. What no form needs (an `id`,
a `category`) is left out, and said.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from minigpt.errors import DataError, near_names

Kind = Literal["sft", "dpo"]

PROMPTS: Final = ("instruction", "prompt", "question", "query", "problem", "human")
GIVENS: Final = ("input", "context")
ANSWERS: Final = (
    *("output", "response", "completion", "answer", "answers", "assistant"),
    *("solution", "target"),
)
TURNS: Final = ("messages", "conversations", "conversation", "turns", "dialog", "chat")
SYSTEMS: Final = ("system", "system_prompt", "system_message")
PAIRS: Final = (
    ("chosen", "rejected"),
    ("chosen_response", "rejected_response"),
    ("preferred", "dispreferred"),
    ("response_j", "response_k"),
)
SINGLE: Final = (*TURNS, "text")
"""Columns that make a form alone: of a table, the one that needs no separator."""
FORMS: Final = {
    "sft": "instruction (with input) and output, prompt and completion, question and "
    "answer, messages, conversations, or a text with tags",
    "dpo": "chosen and rejected, with a prompt, or each a whole conversation",
}


class Form(NamedTuple):
    """Which column is what; each is the name in the file, or None."""

    columns: tuple[str, ...]
    prompt: str | None = None
    given: str | None = None
    """What the prompt is about."""
    answer: str | None = None
    turns: str | None = None
    system: str | None = None
    history: str | None = None
    """Pairs of turns before the prompt."""
    tagged: str | None = None
    """A whole conversation as one text."""
    chosen: str | None = None
    rejected: str | None = None

    @property
    def used(self) -> tuple[str, ...]:
        """The columns that are read, in the order of this class."""
        return tuple(name for name in self[1:] if name)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The columns that are not."""
        return tuple(name for name in self.columns if name not in self.used)


@lru_cache(256)
def recognise(columns: tuple[str, ...], kind: Kind) -> Form:
    """Recognise a row's form.

    Args:
        columns: The names of its columns.
        kind: Whether answers are to be learned (`sft`), or preferences (`dpo`).

    Raises:
        DataError: If it has none that is known; names the columns found.
    """
    names = {name.strip().lower().replace(" ", "_"): name for name in columns}
    form = (_answers if kind == "sft" else _preferences)(names, columns)
    if form is None:
        raise DataError(_refusal(names, columns, kind))
    _require_no_typing_error(form)
    return form


def _first(names: dict[str, str], wanted: Iterable[str]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)


def _answers(names: dict[str, str], columns: tuple[str, ...]) -> Form | None:
    system = _first(names, SYSTEMS)
    if (turns := _first(names, TURNS)) and not _pair(names):
        return Form(columns, turns=turns, system=system)
    prompt, given = _first(names, PROMPTS), _first(names, GIVENS)
    answer = _first(names, ANSWERS)
    if answer and (prompt or given):
        if prompt is None:
            prompt, given = given, None
        return Form(
            columns,
            prompt=prompt,
            given=given,
            answer=answer,
            system=system,
            history=names.get("history"),
        )
    if (text := names.get("text")) and not prompt and not answer:
        return Form(columns, tagged=text, system=system)
    if turns:
        return Form(columns, turns=turns, system=system)
    return None


def _preferences(names: dict[str, str], columns: tuple[str, ...]) -> Form | None:
    pair = _pair(names)
    if pair is None:
        return None
    turns, prompt = _first(names, TURNS), _first(names, PROMPTS)
    given = _first(names, GIVENS)
    if turns and prompt:
        turns = None  # the prompt says the same
    elif prompt is None and turns is None:
        prompt, given = given, None
    return Form(
        columns,
        prompt=prompt,
        given=given if prompt else None,
        turns=turns,
        system=_first(names, SYSTEMS),
        history=names.get("history") if prompt else None,
        chosen=pair[0],
        rejected=pair[1],
    )


def _pair(names: dict[str, str]) -> tuple[str, str] | None:
    for better, worse in PAIRS:
        if better in names and worse in names:
            return names[better], names[worse]
    return None


def _refusal(names: dict[str, str], columns: Sequence[str], kind: Kind) -> str:
    """Say in one sentence why the columns are of no form that is known."""
    told = ", ".join(f"{name!r:.30}" for name in columns[:8]) or "none"
    told += f" and {len(columns) - 8} more" if len(columns) > 8 else ""
    found = f"the columns are {told}: "
    if kind == "sft" and _pair(names):
        return found + "these are preferences, which DPO learns from."
    if {"role", "content"} <= names.keys() or {"from", "value"} <= names.keys():
        return found + (
            "this is one turn; put the turns of each conversation into a list, one "
            "list per line."
        )
    if kind == "dpo" and "label" in names and _first(names, ANSWERS):
        return found + "one answer with a label is no pair of answers to compare."
    prompt = _first(names, PROMPTS)
    if kind == "sft" and prompt and not _first(names, ANSWERS):
        near = _near(columns, ANSWERS)
        return found + f"the key 'output' is missing beside {prompt!r:.30}.{near}"
    missing = [name for name in PAIRS[0] if name not in names]
    if kind == "dpo" and len(missing) == 1:
        return found + f"the key {missing[0]!r} is missing.{_near(columns, missing)}"
    return found + f"expected {FORMS[kind]}."


def _near(columns: Iterable[str], known: Sequence[str]) -> str:
    unknown = [name for name in columns if name.strip().lower() not in PROMPTS]
    return next(filter(None, (near_names(name, known) for name in unknown)), "")


def _require_no_typing_error(form: Form) -> None:
    """Refuse a column that is left out but for a letter: `ouput` is no remark."""
    known = {*PROMPTS, *GIVENS, *ANSWERS, *TURNS, *SYSTEMS, *PAIRS[0], "history"}
    for name in form.left_out:
        plain = name.strip().lower()
        if plain in known or not plain.isalpha():
            continue
        wanted = [each for each in known if _differs_by_one(plain, each)]
        if wanted:
            raise DataError(
                f"unknown key {name!r:.40}.{near_names(plain, sorted(wanted))} Rename "
                "or remove it."
            )


def _differs_by_one(first: str, second: str) -> bool:
    """Whether one letter was left out, added, changed, or two were exchanged.

    >>> _differs_by_one("ouput", "output"), _differs_by_one("inptu", "input")
    (True, True)
    >>> _differs_by_one("id", "input")
    False
    """
    if min(len(first), len(second)) < 5 or abs(len(first) - len(second)) > 1:
        return False
    shorter, longer = sorted((first, second), key=len)
    if len(shorter) < len(longer):
        return any(longer[:n] + longer[n + 1 :] == shorter for n in range(len(longer)))
    places = [n for n in range(len(first)) if first[n] != second[n]]
    return len(places) == 1 or (
        len(places) == 2
        and first[places[0]] == second[places[1]]
        and first[places[1]] == second[places[0]]
    )
