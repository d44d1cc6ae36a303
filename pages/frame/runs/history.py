"""What a run has measured so far, read a piece at a time from where it was left."""

from typing import Any

import streamlit as st

from minigpt.runs import Run


def metrics(run: Run) -> list[dict[str, Any]]:
    """Return every record of `metrics.jsonl`, reading only what is new."""
    return _follow(run, "metrics")


def samples(run: Run) -> list[dict[str, Any]]:
    """Return what the model wrote at each evaluation, oldest first."""
    return _follow(run, "samples")


def records_call(run: Run, kind: str) -> str:
    """Return the call of `records_of` that reads a run's records of one kind."""
    return f"records_of({str((run.path / 'metrics.jsonl').absolute())!r}, {kind!r})"


def snapshots_call(run: Run) -> str:
    """Return the expression that opens a run's snapshots."""
    return f"Snapshots(Path({str((run.path / 'snapshots').absolute())!r}))"


def _follow(run: Run, journal: str) -> list[dict[str, Any]]:
    slot = f"_{journal}_{run.path}"
    records, offset = st.session_state.get(slot, ([], 0))
    chunk = getattr(run, journal)(offset)
    if chunk.restart is not None:
        records = [kept for kept in records if kept["step"] <= chunk.restart]
    records = [*records, *chunk.records]
    st.session_state[slot] = (records, chunk.offset)
    return records
