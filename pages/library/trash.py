"""Rename, delete and undo on the Library page.

All of it happens in callbacks, before the page is drawn: the sidebar lists models too.
"""

import time
from collections.abc import Callable
from typing import Literal

import streamlit as st

from minigpt.errors import MinigptError
from minigpt.library.inventory import Facts
from minigpt.library.names import Kind, rename
from minigpt.library.trash import TRASH_SECONDS, delete, empty_trash, restore, trash
from minigpt.places import data_directory
from minigpt.serve import switch
from pages.frame import models, state
from pages.frame.guard import show_problem
from pages.frame.words import duration, plain
from pages.library import shelves

_PROBLEM = "_library_problem"
_NEWEST = 8
_FIXED = {
    "shipped": "It ships with minigpt, and pages depend on it, so it cannot be "
    "deleted.",
    "shared": "It is shared with the whole class, so it cannot be deleted here.",
}
"""Why models of these kinds stay as they are."""


def show_problem_of_before() -> None:
    """Show once why the last click did nothing."""
    if problem := st.session_state.pop(_PROBLEM, None):
        show_problem(problem)


def show() -> None:
    """Show what was deleted and can be taken back, the last of it at hand."""
    found = trash(data_directory())
    if not found:
        return
    last = found[0]
    st.button(
        f"Undo: delete {plain(last.name)}",
        icon=":material/undo:",
        key="undo",
        on_click=_do,
        args=(_restore, last.id),
    )
    with st.popover("Trash", icon=":material/delete:", type="tertiary", key="trash"):
        st.caption("Deleted items can be restored for an hour.")
        for each in found[:_NEWEST]:
            left = TRASH_SECONDS - (time.time() - each.deleted_at)
            with st.container(horizontal=True, vertical_alignment="center"):
                st.text(f"{each.kind} {each.name} · {duration(left)} left")
                st.button(
                    "Restore",
                    key=f"restore_{each.id}",
                    on_click=_do,
                    args=(_restore, each.id),
                )
        if len(found) > _NEWEST:
            st.caption(f"{len(found) - _NEWEST} more can be restored after these.")
        st.button(
            "Delete all for good",
            icon=":material/delete_forever:",
            key="empty_trash",
            on_click=_do,
            args=(_empty,),
        )


def show_changes(facts: Facts) -> None:
    """Show the buttons that rename and delete a model or a run."""
    kind: Literal["model", "run"] = "run" if facts.kind == "run" else "model"
    if facts.kind in _FIXED:
        st.button(
            "Delete",
            icon=":material/delete:",
            type="tertiary",
            key="delete",
            disabled=True,
            help=_FIXED[facts.kind],
        )
        return
    # Named after what it renames, so that it closes when that has a new name.
    key = f"rename_{facts.id}"
    with st.popover("Rename", icon=":material/edit:", type="tertiary", key=key):
        field = f"new_name_{facts.id}"
        st.text_input(
            "New name",
            value=facts.id,
            key=field,
            max_chars=32,
            help="a to z, 0 to 9, _ and -",
        )
        st.button(
            "Rename it",
            key="rename_it",
            on_click=_do,
            args=(_rename, kind, facts.id, field),
        )
    show_delete(kind, facts.id)


def show_delete(kind: Kind, name: str) -> None:
    """Show the button that deletes; the undo makes a second question needless."""
    st.button(
        "Delete",
        icon=":material/delete:",
        type="tertiary",
        key="delete",
        on_click=_do,
        args=(_delete, kind, name),
        help="Can be undone for an hour.",
    )


def _do(action: Callable[..., None], *arguments: object) -> None:
    try:
        action(*arguments)
    except MinigptError as error:
        st.session_state[_PROBLEM] = str(error)


def _rename(kind: Literal["model", "run"], name: str, field: str) -> None:
    new = st.session_state[field].strip()
    rename(data_directory(), kind, name, new)
    _stop_serving(name)
    for key in ("model", "run"):
        if st.session_state.get(key) == name:
            st.session_state[key] = new
    for shelf in (shelves.MODELS, shelves.RUNS):
        shelves.select(shelf, new)


def _delete(kind: Kind, name: str) -> None:
    delete(data_directory(), kind, name)
    if kind != "text":
        _stop_serving(name)
    if state.get("model") != name or kind == "text":
        return
    st.session_state.pop("step", None)
    if left := models.entries():
        st.session_state["model"] = models.default_entry(left).id


def _stop_serving(name: str) -> None:
    """No longer answer by a name that another model may have next."""
    switch.stop(name)


def _restore(deleted: str) -> None:
    found = restore(data_directory(), deleted)
    shelf = {"model": 0, "run": 1, "text": 2}[found.kind]
    shelves.select(shelves.SHELVES[shelf], found.name)


def _empty() -> None:
    empty_trash(data_directory())
