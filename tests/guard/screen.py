"""What a page in this process shows: traced numbers, questions, text with digits."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
from guard.printed import numbers_in

TRACED = re.compile(r"(?P<hook>[\w.]+)\[(?P<index>[\d, ]+)\] = (?P<value>\S+)")

FRAME = (
    "provenance_",
    "predict_",
    "check",
    "code_of_",
    "save_of_",
    "course",
    "print_only",
    "lesson_source",
)
"""What is looked at by itself, or says the same on every page."""


@dataclass(frozen=True)
class Traced:
    """One number with its origin, as a page shows it."""

    hook: str
    index: tuple[int, ...]
    shown: str
    formula: str
    arithmetic: str
    recomputed: str
    operands: pd.DataFrame


@dataclass(frozen=True)
class Asked:
    """One question on the screen."""

    id: str
    fingerprint: str
    text: str
    options: list[str]
    radio: Any


def traced(app: Any) -> list[Traced]:
    """Return every number that a page traces."""
    return [
        _traced(block)
        for block in _blocks(app.main)
        if (block.key or "").startswith("provenance_")
    ]


def _traced(block: Any) -> Traced:
    leaves = list(_leaves(block))
    codes = [leaf.value for leaf in leaves if leaf.type == "code"]
    (table,) = (leaf.value for leaf in leaves if leaf.type == "dataframe")
    found = TRACED.fullmatch(codes[0])
    assert found is not None, codes[0]
    formula, arithmetic, recomputed = codes[1].split("\n= ")
    index = tuple(int(place) for place in found["index"].split(","))
    return Traced(
        found["hook"], index, found["value"], formula, arithmetic, recomputed, table
    )


def questions(app: Any) -> list[Asked]:
    """Return every question, by the names under which progress keeps them."""
    radios = [
        leaf
        for leaf in _leaves(app.main)
        if leaf.type == "radio" and (leaf.key or "").startswith("_answer_")
    ]
    found = []
    for radio in radios:
        name, _, fingerprint = radio.key.removeprefix("_answer_").rpartition("_")
        found.append(Asked(name, fingerprint, radio.label, radio.options, radio))
    return found


def verdict(app: Any, asked: Asked) -> tuple[bool, str]:
    """Return whether a question counts as right, and what is said about it."""
    for kind in ("right", "wrong"):
        for block in _blocks(app.main):
            if block.key == f"{kind}_{asked.fingerprint}":
                words = " ".join(str(leaf.value) for leaf in _leaves(block))
                # The choice is repeated; its numbers are the option's.
                return kind == "right", re.sub(r"You said “.*?”\. ", "", words)
    raise AssertionError(f"{asked.id} has no verdict")


def texts(app: Any) -> list[str]:
    """Return every caption, line of text and metric that prints a number."""
    found = []
    for leaf in _leaves(app.main, skip=FRAME):
        if leaf.type in ("caption", "markdown") or (
            leaf.type == "code" and not leaf.language and leaf.value not in ("", None)
        ):
            found.append(str(leaf.value))
        elif leaf.type == "metric":
            found.append(f"{leaf.label}: {leaf.value} {leaf.delta}".strip())
    return [text for text in found if numbers_in(text) and "<style" not in text]


def _blocks(node: Any) -> Iterator[Any]:
    for child in getattr(node, "children", {}).values():
        if hasattr(child, "children"):
            yield child
            yield from _blocks(child)


def _leaves(node: Any, skip: tuple[str, ...] = ()) -> Iterator[Any]:
    for child in node.children.values():
        key = getattr(child, "key", None) or ""
        if skip and key.startswith(skip):
            continue
        if hasattr(child, "children"):
            yield from _leaves(child, skip)
        else:
            yield child
