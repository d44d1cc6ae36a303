"""Uploads: only where a page asks for one, and only as much as it says.

Streamlit takes any file that an open session sends, up to one size for all, whether a
widget is there or not, and keeps it until the session ends. So a page shows its widget
by `uploader`, the server's doors ask `limit` before they let a file in, and a file is
dropped when its widget is gone.
"""

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import streamlit as st
from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from minigpt import spaces

MEGABYTE = 2**20
TEXT_MEGABYTES = 50
"""The largest text that may be uploaded."""
HELD = 2
"""A session may hold this many times the largest file that its page asks for."""
_RUNS = 2
"""A file is kept for so many runs without its widget: one may have ended early."""
_SESSIONS = 1000


@dataclass
class _Asked:
    """What a session's page asks for, and the files that its widgets have shown."""

    before: int = 0
    """Largest size in the run before, in bytes: a file may arrive while it runs."""
    now: int = 0
    run: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    """The last run in which a widget showed a file, by the file's id."""


_asked: dict[str, _Asked] = {}
_lock = Lock()


def begin() -> None:
    """Forget what the page asked for. Called once a run, by `app.py`."""
    session = _session()
    with _lock:
        asked = _asked.get(session)
        if asked is None:
            return
        asked.before, asked.now, asked.run = asked.now, 0, asked.run + 1
        old = [key for key, run in asked.seen.items() if asked.run - run > _RUNS]
        for key in old:
            del asked.seen[key]
    if Runtime.exists():
        for key in old:
            Runtime.instance().uploaded_file_mgr.remove_file(session, key)


def uploader(label: str, *, megabytes: int = TEXT_MEGABYTES, **options: Any) -> Any:
    """Show `st.file_uploader`, and let a file of this size in.

    Args:
        label: What is asked for.
        megabytes: The largest file, which the widget says; less for a learner.
        options: Of `st.file_uploader`.

    Returns:
        What it returns.
    """
    space = spaces.current()
    if space is not None and space.limits is not None:
        megabytes = min(megabytes, space.limits.upload_megabytes)
    files = st.file_uploader(label, max_upload_size=megabytes, **options)
    session = _session()
    shown = files if isinstance(files, list) else [files]
    with _lock:
        if len(_asked) > _SESSIONS and session not in _asked:
            _forget_ended()
        asked = _asked.setdefault(session, _Asked())
        asked.now = max(asked.now, megabytes * MEGABYTE)
        asked.seen |= {file.file_id: asked.run for file in shown if file is not None}
    return files


def limit(session: str) -> int:
    """Return how many bytes a session may send now; 0 if nothing was asked for.

    Args:
        session: Its id, as the client names it.
    """
    with _lock:
        asked = _asked.get(session, _Asked())
        largest = max(asked.before, asked.now)
    return max(0, min(largest, HELD * largest - _held(session)))


def _held(session: str) -> int:
    """Return how many bytes the server keeps for a session."""
    if not Runtime.exists():
        return 0
    storage = getattr(Runtime.instance().uploaded_file_mgr, "file_storage", {})
    return sum(len(file.data) for file in list(storage.get(session, {}).values()))


def _forget_ended() -> None:
    """Forget sessions that are gone, with the lock held."""
    is_open = Runtime.instance().is_active_session if Runtime.exists() else bool
    for session in [key for key in _asked if not is_open(key)]:
        del _asked[session]


def _session() -> str:
    context = get_script_run_ctx()
    return "" if context is None else context.session_id
