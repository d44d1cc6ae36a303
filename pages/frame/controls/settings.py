"""Widgets made from the fields of a configuration: its bounds, its words, its default.

The configuration is the one source: the label is the field's name as code has it, the
tooltip its description, the bounds those it is checked against.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from minigpt.config import Config
from minigpt.errors import ConfigError
from pages.frame import state

_LARGEST = 2**53 - 1
"""The largest whole number a browser can count to."""


def edit(
    config: Config, prefix: str, *, skip: tuple[str, ...] = (), columns: int = 4
) -> dict[str, Any]:
    """Show a widget for every field of a configuration and return their values.

    Args:
        config: Where the widgets start from.
        prefix: Begins the widgets' keys; another prefix starts afresh.
        skip: Fields that are settled elsewhere.
        columns: How many widgets stand beside each other.
    """
    names = [name for name in type(config).model_fields if name not in skip]
    return edit_some(config, prefix, names, columns=columns)


def edit_some(
    config: Config,
    prefix: str,
    names: Sequence[str],
    *,
    columns: int,
) -> dict[str, Any]:
    """Show widgets for some fields, row by row, and return their values.

    Args:
        config: Where the widgets start from.
        prefix: Begins the widgets' keys.
        names: Which fields, in order.
        columns: How many stand beside each other; on a phone, all below each other.
    """
    values = {}
    for first in range(0, len(names), columns):
        row = names[first : first + columns]
        for cell, name in zip(st.columns(columns), row, strict=False):
            with cell:
                values[name] = field(config, name, prefix)
    return values


def field(
    config: Config,
    name: str,
    prefix: str,
    *,
    label: str | None = None,
    disabled: bool = False,
) -> Any:
    """Show the widget of one field and return its value; the URL keeps it.

    Args:
        config: Where the widget starts from.
        name: Which field.
        prefix: Begins the widget's key.
        label: What stands over it; None is the field's name.
        disabled: Whether it can be changed now.
    """
    info = type(config).model_fields[name]
    common: dict[str, Any] = {
        "label": label or name,
        "key": f"{prefix}.{name}",
        "help": info.description,
        "disabled": disabled,
        **state.BOUND,
    }
    value = getattr(config, name)
    if state.get(common["key"], value) != value:
        state.write_to_url(common["key"])
    kinds = _kinds(info.annotation)
    choices = [choice for kind in kinds for choice in _choices(kind)]
    if choices:
        return st.selectbox(options=choices, index=choices.index(value), **common)
    if bool in kinds and type(None) in kinds:
        return _yes_or_no(value, common)
    if bool in kinds:
        return st.toggle(value=value, **common)
    if isinstance(value, tuple):
        return _numbers(value, common)
    if int in kinds or float in kinds:
        return _number(info, value, int in kinds, type(None) in kinds, common)
    return st.text_input(value=value, **common)


def _yes_or_no(value: bool | None, common: Any) -> bool | None:
    """Let yes or no be chosen, or none of them."""
    chosen = st.selectbox(
        options=("yes", "no"),
        index=None if value is None else int(not value),
        placeholder="none",
        **common,
    )
    return None if chosen is None else chosen == "yes"


def _numbers(values: tuple[float, ...], common: Any) -> tuple[float, ...]:
    """Let several numbers be typed, with spaces between."""
    typed = st.text_input(value=" ".join(f"{value:g}" for value in values), **common)
    try:
        numbers = [float(word) for word in typed.replace(",", " ").split()]
    except ValueError:
        raise ConfigError(
            f"{common['label']} is {typed!r}: type numbers with spaces between."
        ) from None
    return tuple(int(n) if n.is_integer() else n for n in numbers)


def _number(
    info: FieldInfo, value: float | None, whole: bool, optional: bool, common: Any
) -> float | None:
    low, high = bounds(info)
    if high is not None and high > _LARGEST:
        high = None
    number = int if whole else float
    return st.number_input(
        value=None if value is None else number(value),
        min_value=None if low is None else number(low),
        max_value=None if high is None else number(high),
        step=1 if whole else _step(low, high),
        format=None if whole else "%g",
        placeholder="none" if optional else None,
        **common,
    )


def bounds(info: FieldInfo) -> tuple[float | None, float | None]:
    """Return the lowest and highest value of a field, or None where it is open.

    A bound that is itself forbidden (`gt=0`) is given as it is: the configuration
    refuses it with a clear line.
    """
    low = high = None
    for rule in info.metadata:
        low = getattr(rule, "ge", getattr(rule, "gt", low))
        high = getattr(rule, "le", getattr(rule, "lt", high))
    return low, high


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """Return the alternatives of `int | None`, or the one type there is."""
    if get_origin(annotation) is Literal:
        return (annotation,)
    kinds = get_args(annotation) or (annotation,)
    return tuple(
        get_args(kind)[0] if get_origin(kind) is Annotated else kind for kind in kinds
    )


def _choices(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()


def _step(low: float | None, high: float | None) -> float | None:
    """Choose how far one press of + goes: a twentieth of a share, a tenth of a factor.

    Other quantities, such as step sizes of training, are better typed.
    """
    if (low, high) == (0, 1):
        return 0.05
    return 0.1 if high is not None and high > 1 else None
