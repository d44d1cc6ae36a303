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


def opening(run: Run) -> str:
    """Return the lines of a notebook that read `records` from a run's journal."""
    path = str((run.path / "metrics.jsonl").absolute())
    return (
        "import json\n"
        "from pathlib import Path\n\n"
        f'journal = Path({path!r}).read_text(encoding="utf-8")\n'
        "records = [json.loads(line) for line in journal.splitlines()]\n"
    )


def opening_of_pictures(run: Run) -> str:
    """Return the lines of a notebook that read one step's `pictures` of a run."""
    path = str((run.path / "snapshots").absolute())
    return (
        "from safetensors.numpy import load_file\n\n\n"
        "def pictures(step):\n"
        f'    return load_file({path!r} + f"/step_{{step:06d}}.safetensors")\n\n\n'
    )


def _follow(run: Run, journal: str) -> list[dict[str, Any]]:
    slot = f"_{journal}_{run.path}"
    records, offset = st.session_state.get(slot, ([], 0))
    chunk = getattr(run, journal)(offset)
    if chunk.restart is not None:
        records = [kept for kept in records if kept["step"] <= chunk.restart]
    records = [*records, *chunk.records]
    st.session_state[slot] = (records, chunk.offset)
    return records
