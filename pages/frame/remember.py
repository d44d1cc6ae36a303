"""A cache for what the pages compute: one result serves every reader and every run.

    @remember(64)
    def steps_of(model: TransformerLM, tokens: list[int]) -> AttentionSteps: ...

Streamlit's two caches keep the results. This module decides what an argument is in
their keys, so that a function takes the model, checkpoint or file it works on.
"""

import marshal
import threading
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from itertools import count
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.config.base import Config
from minigpt.model import LanguageModel
from minigpt.tokenizers import Tokenizer

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_numbers = count()
_serials: WeakKeyDictionary[object, int] = WeakKeyDictionary()
_counting = threading.Lock()


class _Call(NamedTuple):
    """The arguments of one call, and what they are in the key."""

    identity: object
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def remember(
    most: int,
    *,
    spinner: str | bool = False,
    shared: bool = False,
    seconds: float | None = None,
    key: Callable[..., object] | None = None,
) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Return a decorator that calls a function once for equal arguments.

    Args:
        most: Results to keep; the one unused for longest goes first.
        spinner: What the page says meanwhile; False: nothing.
        shared: Return the same object to every caller. Otherwise each gets a copy of
            its own to change.
        seconds: How long a result is good for; None: for ever.
        key: Takes the arguments and returns what the result depends on, where that is
            more or less than the arguments themselves.
    """
    cache: Any = st.cache_resource if shared else st.cache_data

    def decorate(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        # Streamlit knows a function by its module, name and source: `wraps` passes on
        # all three.
        @wraps(function)
        def run(*, call: _Call) -> Result:
            return function(*call.args, **call.kwargs)

        kept: Callable[..., Result] = cache(
            max_entries=most,
            ttl=seconds,
            show_spinner=spinner,
            hash_funcs={_Call: _key, _Other: attrgetter("value")},
        )(run)

        @wraps(function)
        def ask(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            what = (args, kwargs) if key is None else key(*args, **kwargs)
            return kept(call=_Call(identity(what), args, kwargs))

        return ask

    return decorate


class _Other(NamedTuple):
    """A value that only Streamlit knows how to tell from others: an array, a set."""

    value: object


def _key(call: _Call) -> object:
    """Return what Streamlit makes the key of; bytes, since it looks long at a tuple."""
    try:
        return marshal.dumps(call.identity, 2)  # version 2: equal values, equal bytes
    except ValueError:
        return call.identity


_PLAIN: Final = frozenset({bool, bytes, float, int, str, type(None)})


def identity(value: object) -> object:
    """Return what tells an argument from others of its type, as plain values.

    A model or tokenizer is the object it is, a path the file as it is now, a dataclass
    the fields that it is compared by.
    """
    if type(value) in _PLAIN:
        return value
    kind = type(value).__qualname__
    if isinstance(value, Checkpoint):
        return serial(value.model), serial(value.tokenizer)
    if isinstance(value, LanguageModel | Tokenizer):
        return serial(value)
    if isinstance(value, Path):
        return str(value), _last_change(value)
    if isinstance(value, Config):
        return kind, value.model_dump_json()
    if isinstance(value, list):
        return identity(tuple(value))
    if isinstance(value, tuple):
        return kind, *map(identity, value)
    if isinstance(value, dict):
        return {name: identity(each) for name, each in value.items()}
    if is_dataclass(value):
        own = (getattr(value, each.name) for each in fields(value) if each.compare)
        return kind, *map(identity, own)
    return _Other(value)


def serial(thing: object) -> int:
    """Return a number for an object that no other gets, not even in its memory."""
    with _counting:
        return _serials.setdefault(thing, next(_numbers))


def _last_change(path: Path) -> int:
    """Return when a file, or a checkpoint's directory, was written, in nanoseconds."""
    file = path / "config.json" if path.is_dir() else path
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0  # not there, or deleted meanwhile
