"""The tables of the Library: models, runs and texts, one row each."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from minigpt.library.catalogue import ModelEntry
from minigpt.library.inventory import (
    Facts,
    TextFacts,
    describe_model,
    describe_run,
    describe_texts,
)
from minigpt.library.names import text_files
from minigpt.places import data_directory
from minigpt.runs import Run, RunStore
from pages.frame import models, state
from pages.frame.place import linked, write
from pages.frame.remember import remember

SHELVES = (MODELS, RUNS, TEXTS) = ("Models", "Runs", "Texts")

_FRESH_SECONDS = 5
"""Seconds that a row may lag behind a running training."""
_NUMBER = st.column_config.NumberColumn
_COLUMNS = {
    "parameters": _NUMBER("Parameters", format="compact"),
    "loss": _NUMBER("Loss (nats)", format="%.3f"),
    "tokens": _NUMBER("Tokens seen", format="compact"),
    "bytes": _NUMBER("On disk", format="bytes"),
    "characters": _NUMBER("Characters", format="compact"),
    "name": "Name",
    "state": "State",
    "step": _NUMBER("Step", format="localized"),
    "readers": "Read by",
}


def facts(shelf: str) -> Sequence[Facts] | Sequence[TextFacts]:
    """Return everything on a shelf."""
    data = data_directory()
    if shelf == MODELS:
        return _models(models.entries())
    if shelf == RUNS:
        return _runs(RunStore(data / "runs").list())
    return _texts(data)


def choose(
    shelf: str, found: Sequence[Facts] | Sequence[TextFacts]
) -> Facts | TextFacts:
    """Show the table, and return the row that is selected."""
    names = [_name(each) for each in found]
    slot = f"_on_shelf_{shelf}"
    wanted = (linked("row", slot, str), state.get("model"))
    place = next((names.index(name) for name in wanted if name in names), 0)
    # Another list of names is another table: its rows are counted anew.
    key = f"shelf_{shelf}_{hash(tuple(names))}_{st.session_state.get('_shelf_round')}"
    event = st.dataframe(
        [_row(shelf, each) for each in found],
        hide_index=True,
        key=key,
        column_config=_COLUMNS,
        height=min(38 + 35 * len(found), 318),
        placeholder="–",
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [place]}},
        alt=f"{shelf}: {', '.join(names)}",
    )
    rows = event["selection"]["rows"]
    chosen = found[rows[0] if rows and rows[0] < len(found) else place]
    st.session_state[slot] = _name(chosen)
    write("row", _name(chosen))
    return chosen


def select(shelf: str, name: str) -> None:
    """Choose a row before the table is drawn: what was just brought or renamed."""
    st.session_state[f"_on_shelf_{shelf}"] = name
    st.session_state["_shelf_round"] = st.session_state.get("_shelf_round", 0) + 1


def _name(item: Facts | TextFacts) -> str:
    return item.path.name if isinstance(item, TextFacts) else item.id


def _row(shelf: str, item: Facts | TextFacts) -> dict[str, Any]:
    if isinstance(item, TextFacts):
        return {
            "name": item.path.name,
            "characters": item.num_characters,
            "bytes": item.num_bytes,
            "readers": ", ".join(item.readers),
        }
    first: dict[str, Any] = (
        {"state": item.state or "damaged", "step": item.step}
        if shelf == RUNS
        else {"parameters": item.num_parameters}
    )
    return {
        "name": item.id,
        **first,
        "loss": item.loss,
        "tokens": item.tokens_seen,
        "bytes": item.num_bytes,
    }


def _paths(found: Sequence[ModelEntry | Run]) -> list[str]:
    return [str(each.path) for each in found]


@remember(4, seconds=_FRESH_SECONDS, key=_paths)
def _models(found: list[ModelEntry]) -> list[Facts]:
    return [describe_model(entry) for entry in found]


@remember(4, seconds=_FRESH_SECONDS, key=_paths)
def _runs(found: list[Run]) -> list[Facts]:
    return [describe_run(run) for run in found]


_texts = remember(4, seconds=60, key=text_files)(describe_texts)
