"""Your own examples of how to answer, read from a file and checked.

Three forms, as JSON (a list) or JSONL (one object per line):

    {"instruction": "Summarize this text:", "input": "…", "output": "…"}
    {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", …}]}
    {"instruction": "…", "input": "…", "chosen": "…", "rejected": "…"}

The first two are conversations; the last is a preference, whose prompt may be written
as `messages` too. Whatever is wrong in a file is told with the line where it stands.
"""

import json
from collections.abc import Callable, Iterator
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Any, TypeVar

from minigpt.datasets.conversations import Conversation, Preference, instruction_prompt
from minigpt.datasets.corpus import read_text
from minigpt.errors import DataError, near_names
from minigpt.tokenizers.chat import ROLES, Message

Parsed = TypeVar("Parsed")


def read_conversations(path: str | Path) -> list[Conversation]:
    """Read examples in the form of instructions or of messages.

    Args:
        path: A JSON or JSONL file.

    Raises:
        DataError: If there is no such file, or a line of it is wrong.
    """
    return _read(Path(path), _conversation)


def read_preferences(path: str | Path) -> list[Preference]:
    """Read pairs of answers.

    Args:
        path: A JSON or JSONL file.

    Raises:
        DataError: If there is no such file, or a line of it is wrong.
    """
    return _read(Path(path), _preference)


def _read(path: Path, parse: Callable[[Any, str], Parsed]) -> list[Parsed]:
    text = read_text(path)
    found = _elements(text) if text.lstrip().startswith("[") else _lines(text)
    examples = []
    try:
        for line, value in found:
            examples.append(parse(value, f"line {line}"))
    except JSONDecodeError as error:
        raise DataError(
            f"{path}, line {error.lineno}: {error.msg}. Write one JSON object per "
            "line, or a list of them."
        ) from None
    except RecursionError:
        raise DataError(f"{path} is nested too deeply.") from None
    except DataError as error:
        raise DataError(f"{path}, {error}") from None
    if not examples:
        raise DataError(f"{path} holds no example.")
    return examples


def _lines(text: str) -> Iterator[tuple[int, Any]]:
    """Yield the object of each line that is not blank, with the line's number."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except JSONDecodeError as error:
                error.lineno = number
                raise


def _elements(text: str) -> Iterator[tuple[int, Any]]:
    """Yield each element of a list, with the number of the line where it begins."""
    decoder, place = JSONDecoder(), text.index("[") + 1
    place = _skip_space(text, place)
    while text[place : place + 1] != "]":
        value, end = decoder.raw_decode(text, place)
        yield text.count("\n", 0, place) + 1, value
        place = _skip_space(text, end)
        if text[place : place + 1] == ",":
            place = _skip_space(text, place + 1)
        elif text[place : place + 1] != "]":
            raise JSONDecodeError("expecting ',' or ']'", text, place)
    if text[place + 1 :].strip():
        raise JSONDecodeError("there is more after the list", text, place + 1)


def _skip_space(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def _conversation(value: Any, where: str) -> Conversation:
    fields = _object(value, where)
    if "messages" in fields:
        _check_keys(fields, ("messages",), where)
        messages = _messages(fields["messages"], where, last="assistant")
        return Conversation(messages, where)
    _check_keys(fields, ("instruction", "output"), where, ("input",))
    prompt = instruction_prompt(
        _text(fields, "instruction", where), _optional(fields, "input", where)
    )
    answer = Message("assistant", _text(fields, "output", where))
    return Conversation((*prompt, answer), where)


def _preference(value: Any, where: str) -> Preference:
    fields = _object(value, where)
    answers = ("chosen", "rejected")
    if "messages" in fields:
        _check_keys(fields, ("messages", *answers), where)
        prompt = _messages(fields["messages"], where, last="user")
    else:
        _check_keys(fields, ("instruction", *answers), where, ("input",))
        prompt = instruction_prompt(
            _text(fields, "instruction", where), _optional(fields, "input", where)
        )
    chosen, rejected = (_text(fields, name, where) for name in answers)
    if chosen == rejected:
        raise DataError(f"{where}: chosen and rejected are equal: nothing to prefer.")
    return Preference(prompt, chosen, rejected, where)


def _messages(value: Any, where: str, last: str) -> tuple[Message, ...]:
    """Check the turns: an optional system, then user and assistant alternately."""
    if not isinstance(value, list) or not value:
        raise DataError(f"{where}: messages must be a list of role and content.")
    messages = []
    for number, turn in enumerate(value, start=1):
        place = f"{where}, message {number}"
        fields = _object(turn, place)
        _check_keys(fields, ("role", "content"), place)
        role = _text(fields, "role", place)
        if role not in ROLES:
            raise DataError(
                f"{place}: role is {role!r:.40}: it must be {', '.join(ROLES)}."
                f"{near_names(role, ROLES)}"
            )
        messages.append(Message(role, _text(fields, "content", place)))
    turns = [message.role for message in messages]
    spoken = turns[1:] if turns[0] == "system" else turns
    expected = [("user", "assistant")[n % 2] for n in range(len(spoken))]
    if spoken != expected or not spoken or spoken[-1] != last:
        raise DataError(
            f"{where}: the roles are {', '.join(turns)}: after an optional system, "
            f"user and assistant take turns, the user first and the {last} last."
        )
    return tuple(messages)


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(
            f"{where}: {json.dumps(value)[:60]} is no object with named fields."
        )
    return value


def _check_keys(
    fields: dict[str, Any],
    needed: tuple[str, ...],
    where: str,
    optional: tuple[str, ...] = (),
) -> None:
    known = (*needed, *optional)
    for name in fields:
        if name not in known:
            raise DataError(
                f"{where}: unknown key {name!r:.40}; there are {', '.join(known)}."
                f"{near_names(name, known)}"
            )
    for name in needed:
        if name not in fields:
            raise DataError(f"{where}: the key {name!r} is missing.")


def _text(fields: dict[str, Any], name: str, where: str) -> str:
    value = _optional(fields, name, where)
    if not value.strip():
        raise DataError(f"{where}: {name} is empty: write some text, or drop the line.")
    return value


def _optional(fields: dict[str, Any], name: str, where: str) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise DataError(
            f"{where}: {name} is {json.dumps(value)[:40]}: it must be text."
        )
    return value
