"""The turns of a conversation, however they are written, as messages.

    [{"role": "user", "content": "Who sang?"}, {"role": "assistant", "content": "…"}]
    [{"from": "human", "value": "Who sang?"}, {"from": "gpt", "value": "…"}]
    ["Who sang?", "A bird."]              the user first, then by turns
    [["Who sang?", "A bird."]]            pairs
    "### Human: Who sang?### Assistant: …"    a text with tags: see `tagged_text`

In a table the list may stand as JSON, or as pandas writes it.
"""

import ast
import json
from collections.abc import Sequence
from typing import Any, cast

from minigpt.datasets.forms.tagged_text import tagged_turns
from minigpt.errors import DataError, near_names
from minigpt.tokenizers.chat import ROLES, Message, Role

_ROLE_NAMES = ("role", "from", "speaker")
_CONTENT_NAMES = ("content", "value", "text")
_SPEAKERS: dict[str, Role] = {
    **{name: name for name in ROLES},
    **dict.fromkeys(("human", "prompter", "instruction"), "user"),
    **dict.fromkeys(("gpt", "bot", "model", "chatgpt", "ai", "response"), "assistant"),
}


class LeftOut(Exception):
    """A row that teaches nothing is left out and counted; the file is used."""


def read_turns(value: Any, where: str) -> tuple[Message, ...]:
    """Read the turns of a conversation.

    Args:
        value: What stands in the row.
        where: The row, for errors.

    Raises:
        DataError: If it is no conversation.
        LeftOut: If a turn is empty.
    """
    if isinstance(value, str):
        value = _unquoted(value, where)
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list) or not value:
        raise DataError(f"{where}: messages must be a list of role and content.")
    if all(isinstance(each, list) and len(each) == 2 for each in value):
        value = [said for pair in value for said in pair]
    if all(isinstance(each, str) for each in value):
        value = [
            {"role": ("user", "assistant")[number % 2], "content": said}
            for number, said in enumerate(value)
        ]
    return tuple(
        _message(turn, f"{where}, message {number}")
        for number, turn in enumerate(value, start=1)
    )


def in_order(
    messages: Sequence[Message], where: str, last: Role
) -> tuple[Message, ...]:
    """Check that user and assistant take turns, after an optional system message.

    Shared conversations are often cut out of longer ones: an answer before the first
    question, and a question without an answer at the end, are dropped.

    Args:
        messages: The turns.
        where: The row, for errors.
        last: Who must have the last word.

    Raises:
        DataError: If they do not.
    """
    begin = int(bool(messages) and messages[0].role == "system")
    head, spoken = list(messages[:begin]), list(messages[begin:])
    while spoken and spoken[0].role == "assistant":
        spoken = spoken[1:]
    while last == "assistant" and spoken and spoken[-1].role == "user":
        spoken = spoken[:-1]
    expected = [("user", "assistant")[n % 2] for n in range(len(spoken))]
    roles = [message.role for message in spoken]
    if roles != expected or not spoken or roles[-1] != last:
        told = ", ".join(message.role for message in messages)
        raise DataError(
            f"{where}: the roles are {told}: after an optional system, user and "
            f"assistant take turns, the user first and the {last} last."
        )
    return (*head, *spoken)


def read_text(value: Any, name: str, where: str) -> str:
    """Return a text that must not be empty.

    Raises:
        DataError: If it is something else than text.
        LeftOut: If it is empty.
    """
    if isinstance(value, dict) and "text" in value:  # SQuAD's answers
        value = value["text"]
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = value[0] if value else ""
    text = optional_text(value, name, where)
    if not text.strip():
        raise LeftOut(f"{where}: {name} is empty")
    return text


def optional_text(value: Any, name: str, where: str) -> str:
    """Return a text that may be missing.

    Raises:
        DataError: If it is something else than text, or holds half a character.
    """
    if value is None or value != value:  # a table's missing number is not itself
        return ""
    if not isinstance(value, str):
        told = json.dumps(value, default=str)[:40]
        raise DataError(f"{where}: {name} is {told}: it must be text.")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise DataError(f"{where}: {name} holds half a character (a lone surrogate).")
    return value


def _message(turn: Any, place: str) -> Message:
    if not isinstance(turn, dict):
        told = json.dumps(turn, default=str)[:60]
        raise DataError(f"{place}: {told} is not an object with named fields.")
    role_name = _one_of(turn, _ROLE_NAMES, place)
    content_name = _one_of(turn, _CONTENT_NAMES, place)
    said = read_text(turn[role_name], role_name, place)
    role = _SPEAKERS.get(said.strip().lower())
    if role is None:
        raise DataError(
            f"{place}: {role_name} is {said!r:.40}: it must be {', '.join(ROLES)}."
            f"{near_names(said, ROLES)}"
        )
    content = turn[content_name]
    if isinstance(content, list):
        content = _parts(content, place)
    return Message(role, read_text(content, content_name, place))


def _one_of(turn: dict[str, Any], names: Sequence[str], place: str) -> str:
    for name in names:
        if name in turn:
            return name
    raise DataError(f"{place}: the key {names[0]!r} is missing.")


def _parts(parts: list[Any], place: str) -> str:
    """Join the parts of a message that are text; there is nothing else to read."""
    for part in parts:
        if not isinstance(part, dict) or not isinstance(part.get("text"), str):
            kind = part.get("type") if isinstance(part, dict) else part
            raise DataError(f"{place}: a part is {kind!r:.40}: only text can be read.")
    return "".join(part["text"] for part in parts)


def _unquoted(value: str, where: str) -> Any:
    """Read a list that stands in a table's cell, or a text with tags."""
    begin = value.lstrip()
    if begin.startswith(("[{", "[[", '["', "['", "[ {", "{")):
        for read in (json.loads, ast.literal_eval):
            try:
                return read(begin)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
        raise DataError(f"{where}: {begin[:40]!r} is neither JSON nor a list.")
    turns = [
        {"role": _SPEAKERS.get(who.lower(), cast(Role, who)), "content": said}
        for who, said in tagged_turns(value)
    ]
    if not turns:
        raise DataError(
            f"{where}: the text has no turns: they begin with ### Human: and "
            "### Assistant:, Human: and Assistant:, <|im_start|> or [INST]."
        )
    return turns
