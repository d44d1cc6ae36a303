"""A cache for what the pages compute: one result serves every reader and every run.

    @remember(64)
    def steps_of(model: TransformerLM, tokens: list[int]) -> AttentionSteps: ...

A function takes the model, checkpoint or file it works on: this module decides what an
argument is in the keys. Streamlit's caches would do the same in several times the time,
and a page asks fifty times a run.
"""

import marshal
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import fields, is_dataclass
from functools import wraps
from hashlib import blake2b
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any, Final, ParamSpec, TypeVar
from weakref import WeakKeyDictionary, WeakSet

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


class _Kept:
    """Results of one function by their keys; the one unused for longest goes first."""

    def __init__(self, most: int, seconds: float | None) -> None:
        self._most, self._seconds = most, seconds
        self._results: OrderedDict[bytes, tuple[float, Any]] = OrderedDict()
        self._computing: dict[bytes, tuple[threading.RLock, list[None]]] = {}
        self._lock = threading.Lock()
        _all_kept.add(self)

    def find(self, key: bytes) -> tuple[float, Any] | None:
        """Return a result and when it was kept; None: there is none any more."""
        with self._lock:
            found = self._results.get(key)
            if found is None or self._is_old(found[0]):
                return None
            self._results.move_to_end(key)
            return found

    def _is_old(self, kept_at: float) -> bool:
        return self._seconds is not None and monotonic() - kept_at > self._seconds

    def keep(self, key: bytes, result: Any) -> None:
        with self._lock:
            self._results[key] = monotonic(), result
            self._results.move_to_end(key)
            while len(self._results) > self._most:
                self._results.popitem(last=False)

    @contextmanager
    def turn(self, key: bytes) -> Iterator[None]:
        """Wait until nobody else computes this result."""
        with self._lock:
            lock, waiting = self._computing.setdefault(key, (threading.RLock(), []))
            waiting.append(None)
        try:
            with lock:
                yield
        finally:
            with self._lock:
                waiting.pop()
                if not waiting:
                    del self._computing[key]

    def clear(self) -> None:
        with self._lock:
            self._results.clear()


_all_kept: WeakSet[_Kept] = WeakSet()


def forget_all() -> None:
    """Forget every result."""
    for each in list(_all_kept):
        each.clear()


def remember(
    most: int,
    *,
    spinner: str = "",
    shared: bool = False,
    seconds: float | None = None,
    key: Callable[..., object] | None = None,
) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Return a decorator that calls a function once for equal arguments.

    A page's own script runs anew each time: what it remembers stands in another module.

    Args:
        most: Results to keep; the one unused for longest goes first.
        spinner: What the page says meanwhile; empty: nothing.
        shared: Return the same object to every caller. Otherwise each gets a copy of
            its own to change.
        seconds: How long a result is good for; None: for ever.
        key: Takes the arguments and returns what the result depends on, where that is
            more or less than the arguments themselves.
    """

    def decorate(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        kept = _Kept(most, seconds)
        waiting = _spinning(spinner)

        @wraps(function)
        def ask(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            what = (args, kwargs) if key is None else key(*args, **kwargs)
            name = _key(identity(what))
            found = kept.find(name)
            if found is None:
                with kept.turn(name):
                    found = kept.find(name)  # somebody else may have computed it
                    if found is None:
                        with waiting():
                            result = function(*args, **kwargs)
                        kept.keep(name, result if shared else pickle.dumps(result, 5))
                        return result
            return found[1] if shared else pickle.loads(found[1])  # ours, of just now

        return ask

    return decorate


def _spinning(words: str) -> Callable[[], AbstractContextManager[None]]:
    return (lambda: st.spinner(words)) if words else nullcontext


def _key(identity: object) -> bytes:
    """Return a short name of plain values that equal ones share, and no others."""
    # Version 2 of marshal: equal values, equal bytes.
    return blake2b(marshal.dumps(identity, 2), digest_size=16).digest()


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
    if isinstance(value, list | tuple):
        kind = kind if isinstance(value, tuple) else "tuple"
        is_plain = {type(each) for each in value} <= _PLAIN
        return kind, *(value if is_plain else map(identity, value))
    if isinstance(value, dict):
        return {name: identity(each) for name, each in value.items()}
    if is_dataclass(value):
        own = (getattr(value, each.name) for each in fields(value) if each.compare)
        return kind, *map(identity, own)
    return kind, pickle.dumps(value, 5)  # an array, a set: all that is in it


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
