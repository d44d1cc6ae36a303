"""Where pairs of prompts come from: tales, held-out text, or a list of one's own."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.pairs.pair_rows import MOST_PAIRS, PairRow, read_pairs
from minigpt.interpret.pairs.tales_pairs import KINDS, tales_pairs
from pages.frame import state
from pages.frame.guard import guard, show_note
from pages.frame.server.uploads import uploader
from pages.intervene.many_prompts import numbers
from pages.intervene.prompts import begin_with

TALES, HELD_OUT, OWN = SOURCES = ("World of tales", "Held-out text", "My own list")

ALL = "All pairs"
"""What is shown where nobody chose one pair."""

COUNTS = (20, 50, 200)
"""Pairs that are drawn."""

EXCHANGED = (
    "colour: The kite was **red** or **blue**. … The kite was …  \n"
    "thing: … Everyone could see that the **kite** or **drum** was …  \n"
    "owner: … The **kite** or **drum** belonged to …  \n"
    "place: Mia went to the **mill** or **lake**. … Mia stayed at the …  \n"
    "pronoun: a **girl called Mia** or **boy called Sam**. For …  \n"
    "The words are pairs that no training story of tales joins."
)
"""Says of each kind of `tales_pairs` in what its prompts differ."""

STARTED_WITH = 3
"""Rows that an own list begins with, to be changed."""

KEPT = "_own_pairs"
"""Where the session has the rows of the list, as last edited."""


class Rows(NamedTuple):
    """A list of pairs."""

    rows: list[PairRow]
    call: str
    """The expression that makes the list in a notebook."""
    source: str
    """Goes on "20 pairs": `of the world of tales`."""


def choose(checkpoint: Checkpoint, row: DeltaGenerator) -> Rows:
    """Show where the pairs come from, and return them.

    Args:
        checkpoint: The chosen model.
        row: Where there is room for the choices.
    """
    default = TALES if numbers.knows_tales(checkpoint) else HELD_OUT
    begin_with("_ready_source", {"pairs_from": default})
    with row:
        source = st.segmented_control(
            "Pairs of prompts",
            SOURCES,
            required=True,
            key="pairs_from",
            **state.BOUND,
        )
        if source != OWN:
            return _drawn(checkpoint, source)
    return _own(checkpoint)


def _drawn(checkpoint: Checkpoint, source: str) -> Rows:
    """Let the reader choose how many pairs are drawn, and of which kind."""
    kind = next(iter(KINDS))
    if source == TALES:
        kind = st.selectbox(
            "Exchanged",
            list(KINDS),
            key="pairs_kind",
            width=120,
            help=EXCHANGED,
            **state.BOUND,
        )
    count = st.segmented_control(
        "How many",
        COUNTS,
        default=COUNTS[0],
        required=True,
        key="pairs_count",
        **state.BOUND,
    )
    if source == TALES:
        rows = tales_pairs(kind, count)
        return Rows(rows, f"tales_pairs({kind!r}, {count})", "of the world of tales")
    call = f"held_out_pairs(Checkpoint(model, tokenizer, metadata), {count})"
    return Rows(numbers.held_out(checkpoint, count), call, "of held-out text")


def _own(checkpoint: Checkpoint) -> Rows:
    """Let the reader write pairs into a table, or upload them."""
    st.caption("A row is a pair. Where answers are empty, the model's own are taken.")
    with guard():
        _take_file()
    rows = _edited(st.session_state.get(KEPT) or _first_rows(checkpoint))
    if len(rows) > MOST_PAIRS:
        show_note(
            f"Only the first {MOST_PAIRS} pairs are used: {len(rows) - MOST_PAIRS} are "
            "left out."
        )
        rows = rows[:MOST_PAIRS]
    return Rows(rows, repr(rows), "of my own list")


def _take_file() -> None:
    """Put the pairs of an uploaded file into the table, once.

    Raises:
        DataError: If the file holds no pairs.
    """
    file = uploader(
        "CSV, TSV or JSON lines, with columns clean and corrupted, and, if you like, "
        "answer and rival",
        megabytes=1,
        type=["csv", "tsv", "jsonl", "json", "txt"],
        key="pairs_file",
    )
    taken = None if file is None else file.file_id
    if taken is not None and st.session_state.get("_pairs_taken") != taken:
        st.session_state["_pairs_taken"] = taken
        st.session_state[KEPT] = read_pairs(file.getvalue(), file.name)
        _begin_anew()


def _edited(rows: Sequence[PairRow]) -> list[PairRow]:
    """Show a table to write in; return its rows but for those that are empty.

    The table begins with what was last written: its widget forgets it when the reader
    leaves the page.
    """
    turn = st.session_state.setdefault("_pairs_turn", 0)
    if f"own_pairs_{turn}" not in st.session_state:
        st.session_state["_pairs_begun"] = [row._asdict() for row in rows]
    edited: list[dict[str, Any]] = st.data_editor(
        st.session_state["_pairs_begun"],
        num_rows="dynamic",
        hide_index=True,
        height=220,
        key=f"own_pairs_{turn}",
        column_config={
            "clean": st.column_config.TextColumn("Clean prompt", width="medium"),
            "corrupted": st.column_config.TextColumn(
                "Corrupted prompt", width="medium"
            ),
            "answer": st.column_config.TextColumn("Answer"),
            "rival": st.column_config.TextColumn("Rival"),
        },
    )
    found = [
        PairRow(*(str(row.get(field) or "") for field in PairRow._fields))
        for row in edited
    ]
    kept = [row for row in found if row.clean or row.corrupted]
    st.session_state[KEPT] = kept
    return kept


def _first_rows(checkpoint: Checkpoint) -> list[PairRow]:
    """Return rows that this model can compare, to begin a list with."""
    if numbers.knows_tales(checkpoint):
        return tales_pairs(next(iter(KINDS)), STARTED_WITH)
    return numbers.held_out(checkpoint, COUNTS[0])[:STARTED_WITH]


def _begin_anew() -> None:
    """Give the table another key, so that it shows other rows."""
    st.session_state["_pairs_turn"] = st.session_state.get("_pairs_turn", 0) + 1
