"""Your own examples of how to answer, read from a file and checked.

As JSON lines, a JSON list, a table (CSV, TSV) or parquet, in the forms that are common:

    {"instruction": "Summarize this text:", "input": "…", "output": "…"}
    {"prompt": "…", "completion": "…"}      {"question": "…", "answer": "…"}
    {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", …}]}
    {"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", …}]}
    {"instruction": "…", "input": "…", "chosen": "…", "rejected": "…"}
    {"chosen": [{"role": "user", …}, …], "rejected": [{"role": "user", …}, …]}

All but the last two are conversations; those are preferences. What a file was taken for
is said in one line, and what is wrong in it is told with the line where it stands. A
row that teaches nothing (an empty answer, two equal ones) is left out and counted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from minigpt.datasets.conversations import Conversation, Preference, instruction_prompt
from minigpt.datasets.forms.columns import Form, Kind, recognise
from minigpt.datasets.forms.remarks import Tally
from minigpt.datasets.forms.rows import Row, read_rows
from minigpt.datasets.forms.turns import (
    LeftOut,
    in_order,
    optional_text,
    read_text,
    read_turns,
)
from minigpt.errors import DataError
from minigpt.tokenizers.chat import Message

Item = TypeVar("Item")
Messages = tuple[Message, ...]


@dataclass(frozen=True)
class Recognised(Generic[Item]):
    """The examples of a file, and what it was taken for."""

    examples: list[Item]
    remark: str
    """One line: the form, how many rows, and what was left out."""


def read_conversations(path: str | Path) -> list[Conversation]:
    """Read examples of how to answer.

    Args:
        path: A file of any form that is known; see the top of this module.

    Raises:
        DataError: If there is no such file, or a line of it is wrong.
    """
    return recognise_conversations(path).examples


def read_preferences(path: str | Path) -> list[Preference]:
    """Read pairs of answers. Arguments and errors: as `read_conversations`."""
    return recognise_preferences(path).examples


def recognise_conversations(path: str | Path) -> Recognised[Conversation]:
    """Read examples, and say what the file was taken for. See `read_conversations`."""
    return _read(Path(path), "sft", _conversation)


def recognise_preferences(path: str | Path) -> Recognised[Preference]:
    """Read pairs of answers, and say what the file was taken for."""
    return _read(Path(path), "dpo", _preference)


def _read(
    path: Path, kind: Kind, parse: Callable[[dict[str, Any], Form, str], Item]
) -> Recognised[Item]:
    found = read_rows(path)
    tally, examples = Tally(found.remark), []
    try:
        for row in found.rows:
            fields = _fields(row)
            form = _form(fields, kind, row.where)
            try:
                examples.append(parse(fields, form, row.where))
                tally.count(form)
            except LeftOut as reason:
                tally.leave_out(str(reason))
    except DataError as error:
        raise DataError(f"{path}, {error}") from None
    if not examples:
        raise DataError(f"{path} holds no example to learn from: {tally.first}.")
    return Recognised(examples, tally.line())


def _fields(row: Row) -> dict[str, Any]:
    """Return a row's columns; a bare list is a conversation's turns."""
    if isinstance(row.value, list) and row.value:
        return {"messages": row.value}
    if not isinstance(row.value, dict):
        told = repr(row.value)[:60]
        raise DataError(f"{row.where}: {told} is not an object with named fields.")
    return row.value


def _form(fields: dict[str, Any], kind: Kind, where: str) -> Form:
    try:
        return recognise(tuple(fields), kind)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None


def _conversation(fields: dict[str, Any], form: Form, where: str) -> Conversation:
    if form.answer is None:
        turns = read_turns(fields[form.turns or form.tagged or ""], where)
        turns = (*_system(fields, form, turns, where), *turns)
        return Conversation(in_order(turns, where, "assistant"), where)
    answer = fields[form.answer]
    prompt = _prompt(fields, form, where)
    if isinstance(answer, list) and answer and isinstance(answer[0], dict):
        turns = (*prompt, *read_turns(answer, where))
    else:
        turns = (*prompt, Message("assistant", read_text(answer, form.answer, where)))
    return Conversation(in_order(turns, where, "assistant"), where)


def _prompt(fields: dict[str, Any], form: Form, where: str) -> Messages:
    """Return what stands before the answer: a system message, a history, a prompt."""
    if form.turns is not None:
        turns = read_turns(fields[form.turns], where)
        return (*_system(fields, form, turns, where), *turns)
    if form.prompt is None:
        return ()
    value = fields[form.prompt]
    if isinstance(value, list):
        turns = read_turns(value, where)
        return (*_system(fields, form, turns, where), *turns)
    given = fields[form.given] if form.given else None
    asked = read_text(value, form.prompt, where)
    prompt = instruction_prompt(asked, optional_text(given, form.given or "", where))
    before = fields[form.history] if form.history else None
    history = read_turns(before, where) if before else ()
    return (*_system(fields, form, history, where), *history, *prompt)


def _system(
    fields: dict[str, Any], form: Form, turns: Messages, where: str
) -> Messages:
    """Return the system message of a column of its own, unless the turns have one."""
    if form.system is None or (turns and turns[0].role == "system"):
        return ()
    said = optional_text(fields[form.system], form.system, where)
    return (Message("system", said),) if said.strip() else ()


def _preference(fields: dict[str, Any], form: Form, where: str) -> Preference:
    better, worse = (
        _answer(fields, form, name or "", where)
        for name in (form.chosen, form.rejected)
    )
    if better[:-1] != worse[:-1]:
        raise LeftOut(f"{where}: chosen and rejected answer different prompts")
    prompt, (chosen, rejected) = better[:-1], (better[-1].content, worse[-1].content)
    if chosen == rejected:
        raise LeftOut(f"{where}: chosen and rejected are equal: nothing to prefer")
    return Preference(prompt, chosen, rejected, where)


def _answer(fields: dict[str, Any], form: Form, name: str, where: str) -> Messages:
    """Return a whole conversation that ends with one of the two answers."""
    value = fields[name]
    if isinstance(value, str) and form.prompt is None and form.turns is None:
        turns = read_turns(value, where)  # a text with tags holds its prompt
    elif isinstance(value, (list, dict)):
        turns = read_turns(value, where)
    else:
        answer = Message("assistant", read_text(value, name, where))
        return in_order((*_prompt(fields, form, where), answer), where, "assistant")
    if turns[0].role == "assistant":
        turns = (*_prompt(fields, form, where), *turns)
    else:
        turns = (*_system(fields, form, turns, where), *turns)
    if turns[-1].role != "assistant":
        raise DataError(f"{where}: {name} does not end with an answer.")
    return in_order(turns, where, "assistant")
