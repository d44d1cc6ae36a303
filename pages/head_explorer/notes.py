"""Notes on a model: a tab of the Head explorer, and the names that the grid shows.

They are kept with the model, so every reader of this server sees them. What they wrote
is shown as plain text.
"""

from collections.abc import Callable
from functools import partial
from urllib.parse import quote, urlencode

import streamlit as st

from minigpt.errors import MinigptError
from minigpt.library.notes import (
    LONGEST_NAME,
    LONGEST_NOTE,
    MOST_BYTES,
    HeadNote,
    Notes,
    View,
    change_notes,
    notes_path,
    parse_notes,
    read_notes,
    write_down,
)
from pages.frame import models, state
from pages.frame.guard import show_problem
from pages.frame.reading import Place
from pages.frame.server.local import is_local
from pages.frame.server.uploads import uploader
from pages.frame.words import plain

TAB = "Notes"

_PAGE = "head_explorer"
_PROBLEM = "_notes_problem"
_NOT_IN_A_VIEW = ("hide", "present", "cover")
"""What of the address is not about what is looked at."""


def of_model() -> Notes:
    """Return the notes on the chosen model; none, if they cannot be read."""
    try:
        return read_notes(notes_path(models.chosen_entry()))
    except MinigptError:
        return Notes()  # the tab says what is wrong


def names() -> dict[tuple[int, int], str]:
    """Return what the reader calls some heads."""
    return {place: note.name for place, note in of_model().heads.items() if note.name}


def show(place: Place) -> None:
    """Show the note on the chosen head, all notes, and the bookmarks."""
    notes = of_model()
    try:
        read_notes(notes_path(models.chosen_entry()))
    except MinigptError as error:
        show_problem(f"{error} The next change keeps that file beside a new one.")
    if not is_local():
        st.caption(
            "This app is shared, and its notes can only be changed at the machine it "
            "runs on. The file below takes them along."
        )
    if problem := st.session_state.pop(_PROBLEM, None):
        show_problem(problem)
    left, right = st.columns(2, gap="large")
    with left:
        _show_head(notes, (place.layer, place.head))
    with right:
        _show_views(notes)
        _show_file(notes)


def _show_head(notes: Notes, here: tuple[int, int]) -> None:
    """Show the note on one head, to be changed, and those on all others."""
    layer, head = here
    note = notes.heads.get(here, HeadNote())
    st.markdown(f"**Your note on L{layer}H{head}**")
    with st.form(f"own_words_L{layer}H{head}", border=False):
        name = st.text_input(
            "Its name",
            note.name,
            max_chars=LONGEST_NAME,
            key=f"own_name_L{layer}H{head}",
            help="Shown on its picture among all heads.",
        )
        text = st.text_area(
            "What you saw",
            note.text,
            max_chars=LONGEST_NOTE,
            key=f"own_text_L{layer}H{head}",
        )
        pinned = st.checkbox(
            "Pin it whenever this model is opened",
            note.pinned,
            key=f"own_pin_L{layer}H{head}",
        )
        if st.form_submit_button("Save note", disabled=not is_local()):
            _save(here, HeadNote(name, text, pinned))
            st.rerun()
    if notes.heads:
        rows = [
            {
                "head": f"L{i}H{j}",
                "name": each.name,
                "note": each.text,
                "pinned": each.pinned,
            }
            for (i, j), each in sorted(notes.heads.items())
        ]
        st.dataframe(rows, hide_index=True)


def _save(here: tuple[int, int], note: HeadNote) -> None:
    """Keep a note on a head, and say so."""
    _change(lambda notes: notes.with_head(here, note))
    if _PROBLEM not in st.session_state:
        is_there = "is saved" if note != HeadNote() else "is empty, so it was removed"
        st.toast(f"The note on L{here[0]}H{here[1]} {is_there}.")


def _show_views(notes: Notes) -> None:
    """Show the bookmarks, and let the reader keep this view as one more."""
    st.markdown("**Bookmarks**")
    with st.form("bookmark", border=False, clear_on_submit=True):
        title = st.text_input(
            "Name of this view",
            max_chars=LONGEST_NAME,
            key="own_view",
            help="It keeps everything chosen now: step, prompt, head, token, tab.",
        )
        if st.form_submit_button("Bookmark this view", disabled=not is_local()):
            view = View(title.strip() or "A view", _PAGE, _query())
            _change(lambda notes: notes.with_view(view))
            st.rerun()
    for number, view in enumerate(notes.views):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            # In a tab of its own: what is chosen here stays as it is.
            st.link_button(
                plain(view.title),
                f"{view.page}?{view.query}",
                icon=":material/bookmark:",
                type="tertiary",
            )
            st.button(
                "Delete",
                key=f"forget_view_{number}",
                on_click=_change,
                args=(partial(Notes.without_view, title=view.title),),
                icon=":material/delete:",
                type="tertiary",
                disabled=not is_local(),
            )


def _show_file(notes: Notes) -> None:
    """Offer the notes as a file, and add those of another one."""
    st.markdown("**Share**")
    entry = models.chosen_entry()
    st.download_button(
        "Notes as a file",
        partial(write_down, notes),
        f"{entry.id}-notes.json",
        mime="application/json",
        key="notes_file",
        on_click="ignore",
        icon=":material/download:",
        type="tertiary",
        help="They also travel inside the zip that the Library makes of the model.",
    )
    uploader(
        "Add notes from a file",
        megabytes=1,
        type="json",
        key="notes_to_add",
        on_change=_take_file,
        disabled=not is_local(),
    )


def _query() -> str:
    """Write the address of what is shown, as a link of it would."""
    values = {k: v for k, v in st.query_params.items() if k not in _NOT_IN_A_VIEW}
    for key in state.SHARED:
        if (value := state.get(key)) is not None:
            values[key] = str(value)
    return urlencode(values, safe=",", quote_via=quote)


def _take_file() -> None:
    """Add an uploaded file's notes, or remember what is wrong with it."""
    file = st.session_state["notes_to_add"]
    if file is None:
        return
    try:
        if file.size > MOST_BYTES:
            st.session_state[_PROBLEM] = f"Notes have at most {MOST_BYTES:,} bytes."
            return
        text = file.getvalue().decode("utf-8", errors="replace")
        found = parse_notes(text, file.name)
    except MinigptError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    _change(lambda notes: notes.joined(found))


def _change(change: Callable[[Notes], Notes]) -> None:
    """Change the notes on the chosen model, or remember why they stay as they are."""
    if not is_local():
        return
    try:
        change_notes(notes_path(models.chosen_entry()), change)
    except MinigptError as error:
        st.session_state[_PROBLEM] = str(error)
