"""The tables of the Library: models, runs and texts, one row each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from minigpt.library.inventory import (
    Facts,
    TextFacts,
    describe_model,
    describe_run,
    describe_texts,
)
from minigpt.library.names import text_files
from minigpt.runs import RunStore, data_directory
from pages.frame import models, state

SHELVES = (MODELS, RUNS, TEXTS) = ("Models", "Runs", "Texts")

_FRESH_SECONDS = 5
"""How long a row may lag behind a run at work."""
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
    """Return all that stands on a shelf."""
    data = data_directory()
    if shelf == MODELS:
        return _models(str(data), tuple(entry.id for entry in models.entries()))
    if shelf == RUNS:
        runs = RunStore(data / "runs").list()
        return _runs(str(data), tuple(run.id for run in runs))
    return _texts(str(data), tuple(path.name for path in text_files(data)))


def choose(
    shelf: str, found: Sequence[Facts] | Sequence[TextFacts]
) -> Facts | TextFacts:
    """Show the table, and return the row that is selected."""
    names = [_name(each) for each in found]
    slot = f"_on_shelf_{shelf}"
    wanted = (st.session_state.get(slot), state.get("model"))
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


@st.cache_data(max_entries=4, ttl=_FRESH_SECONDS, show_spinner=False)
def _models(data: str, ids: tuple[str, ...]) -> list[Facts]:  # noqa: ARG001
    return [describe_model(entry) for entry in models.entries()]


@st.cache_data(max_entries=4, ttl=_FRESH_SECONDS, show_spinner=False)
def _runs(data: str, ids: tuple[str, ...]) -> list[Facts]:  # noqa: ARG001
    return [describe_run(run) for run in RunStore(Path(data) / "runs").list()]


@st.cache_data(max_entries=4, ttl=60, show_spinner=False)
def _texts(data: str, names: tuple[str, ...]) -> list[TextFacts]:  # noqa: ARG001
    return describe_texts(Path(data))
