"""A run's journal by hand: lines of JSON, one for each thing that was measured.

Beside it: `minigpt.runs`, which writes journals and follows them while they grow.
"""

import json
from pathlib import Path
from typing import Any


def records_of(journal: str, kind: str) -> list[dict[str, Any]]:
    """Return a journal's records of one kind, in the order in which they were written.

    Args:
        journal: The path of a run's `metrics.jsonl`.
        kind: `step`, `evaluation` or `repetition`.
    """
    lines = Path(journal).read_text(encoding="utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record.get("kind") == kind]
