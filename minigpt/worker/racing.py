"""A race: two runs on the same text, started at the same time, one thread each.

Each is an ordinary run whose `race.json` names the race it belongs to, so that opening
either run finds the other.

Next: `minigpt.runs.race_results`, which tells which run is ahead.
"""

import json
import time
from contextlib import suppress
from typing import NamedTuple

from minigpt.atomic_writes import replace_file
from minigpt.classroom.quotas import require_may_train
from minigpt.config import RunConfig
from minigpt.errors import RunError
from minigpt.runs.store import Run, RunStore
from minigpt.worker.creating import all_or_none
from minigpt.worker.launch import begin

EVALUATIONS = 12
_EVAL_BATCHES = 8


class Race(NamedTuple):
    """Two runs that race, in the order in which they were chosen."""

    first: Run
    second: Run


def racing_config(config: RunConfig, like: RunConfig, steps: int) -> RunConfig:
    """Return a run's configuration for a race.

    Args:
        config: The recipe.
        like: The configuration whose text and tokens both runs use.
        steps: How many steps it takes.
    """
    train = config.train.replace(
        max_steps=steps,
        num_threads=1,
        eval_interval=max(1, steps // EVALUATIONS),
        eval_batches=_EVAL_BATCHES,
    )
    return config.replace(
        data=like.data.to_dict(),
        tokenizer=like.tokenizer.to_dict(),
        train=train.to_dict(),
    )


def start_race(store: RunStore, first: RunConfig, second: RunConfig) -> Race:
    """Start two training processes, as soon as there are places for both.

    Raises:
        RunError: If their texts or tokens differ, they cannot be saved, or a process
            cannot be started; one that was already started is then asked to stop.
    """
    if (first.data, first.tokenizer) != (second.data, second.tokenizer):
        raise RunError(
            "The two do not read the same text in the same tokens, so their losses "
            "cannot be compared: choose one text and one kind of token for both."
        )
    name = f"race-{time.strftime('%m%d-%H%M%S')}"
    suffixes = [first.recipe[:14], second.recipe[:14]]
    if suffixes[0] == suffixes[1]:
        suffixes[1] = f"{suffixes[1][:12]}-2"
    require_may_train()
    with all_or_none(store) as runs:
        for lane, (config, suffix) in enumerate(
            zip((first, second), suffixes, strict=True)
        ):
            runs.append(store.create(config, f"{name}-{suffix}"))
            ticket = json.dumps({"race": name, "lane": lane})
            replace_file(runs[-1].path / "race.json", ticket + "\n")
    try:
        begin(runs)
    except RunError:
        for run in runs:
            with suppress(RunError):  # that one could not be started
                run.request_stop()
        raise
    return Race(*runs)


def find_race(store: RunStore, run: Run) -> Race | None:
    """Return the race of a run; None if it has none, or the other run is gone."""
    own = _ticket(run)
    if own is None:
        return None
    lanes = {
        ticket[1]: each
        for each in store.list()
        if (ticket := _ticket(each)) is not None and ticket[0] == own[0]
    }
    return Race(lanes[0], lanes[1]) if {0, 1} <= lanes.keys() else None


def _ticket(run: Run) -> tuple[str, int] | None:
    """Read a run's race and lane, if it has one."""
    try:
        content = json.loads((run.path / "race.json").read_text(encoding="utf-8"))
        return str(content["race"]), int(content["lane"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
