"""A series: models of several sizes that learn the same text, one after another.

Each is an ordinary run whose `series.json` names the series and its place in it. One
process trains them all: after a run that has finished comes the next one that waits
(`next_in_series`, which `minigpt train` asks); if other trainings wait for the place,
it takes its turn. So a series goes on without a browser, stops with the run that is
asked to stop, and goes on with the run that is resumed.

Next: `minigpt.runs.power_law`, the line through their losses.
"""

import json
import time
from collections.abc import Sequence
from typing import NamedTuple

from minigpt.atomic_writes import replace_file
from minigpt.classroom.quotas import require_may_train
from minigpt.config import DataConfig, RunConfig, get_recipe
from minigpt.errors import RunError
from minigpt.runs.status import RunStatus
from minigpt.runs.store import Run, RunStore
from minigpt.worker import launch
from minigpt.worker.creating import all_or_none

WIDTHS = (8, 12, 16, 24)
"""`d_model` of the sizes whose line is drawn.

On `tales` the line predicts the loss of about 30 000 weights to 1%; at 400 000 the loss
comes near what nobody can predict, and lies a quarter above the line.
"""
FIFTH = 32
"""`d_model` of the size that is predicted."""
STEPS = 300
_CONTEXT = 64
_LOOKS = 6
_EVAL_BATCHES = 16


class Series(NamedTuple):
    """The runs of a series, smallest first, and what was predicted for the last."""

    name: str
    runs: list[Run]

    @property
    def guess(self) -> float | None:
        """The loss that a person predicted for the fifth size, in nats, if any."""
        try:
            content = (self.runs[0].path / "guess.json").read_text(encoding="utf-8")
            return float(json.loads(content)["loss"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


def shared_config(data: DataConfig, steps: int = STEPS) -> RunConfig:
    """Return what all sizes of a series share: text, tokens, and steps.

    Args:
        data: The text; its tokens are characters, so that nearly all weights are the
            model's and not the vocabulary's.
        steps: How many steps each size takes.
    """
    recipe = get_recipe("default")
    return recipe.replace(
        data=data.to_dict(),
        tokenizer=recipe.tokenizer.replace(kind="char").to_dict(),
        transformer=recipe.transformer.replace(max_seq_len=_CONTEXT).to_dict(),
        train=recipe.train.replace(max_steps=steps).to_dict(),
    )


def sized(config: RunConfig, width: int) -> RunConfig:
    """Return the configuration of one size: all else is the same.

    Args:
        config: What all sizes share.
        width: `d_model`, an even number.
    """
    steps = config.train.max_steps or 1
    model = {"d_model": width, "num_layers": 2, "num_heads": 2}
    train = {"eval_interval": max(1, steps // _LOOKS), "eval_batches": _EVAL_BATCHES}
    return config.replace(
        transformer=config.transformer.replace(**model, d_ff=None).to_dict(),
        train=config.train.replace(**train).to_dict(),
    )


def start_series(
    store: RunStore, config: RunConfig, widths: Sequence[int] = WIDTHS
) -> Series:
    """Create a run for each size, and start the process that trains them in a row.

    Args:
        store: Where runs live.
        config: What all sizes share: text, tokens, steps.
        widths: Their `d_model`, smallest first.

    Raises:
        RunError: If they cannot be saved, or no process can be started.
    """
    require_may_train()
    name = f"sizes-{time.strftime('%m%d-%H%M%S')}"
    with all_or_none(store) as runs:
        for place, width in enumerate(widths):
            _create(store, (name, place), sized(config, width), runs)
    launch.begin(runs[:1])
    return Series(name, runs)


def start_fifth(
    store: RunStore, series: Series, guess: float, width: int = FIFTH
) -> Run:
    """Keep a prediction, and only then train the size that it is about.

    Args:
        store: Where runs live.
        series: Whose sizes have all finished.
        guess: The loss that a person predicts, in nats.
        width: `d_model` of the size.

    Raises:
        RunError: If the guess is not above 0, or was made before.
    """
    if not guess > 0:
        raise RunError("A loss is above 0: type a number such as 1.2.")
    if series.guess is not None:
        raise RunError("The prediction was made already; the first one counts.")
    require_may_train()
    first = series.runs[0]
    config = sized(first.config, width)
    with all_or_none(store) as runs:
        _create(store, (series.name, len(series.runs)), config, runs)
        replace_file(first.path / "guess.json", json.dumps({"loss": guess}) + "\n")
    launch.begin(runs)
    return runs[0]


def resume_series(series: Series) -> None:
    """Go on where a series was interrupted.

    Raises:
        RunError: If nothing is left to train, or no process can be started.
    """
    for run in series.runs:
        if run.status().can_resume:
            launch.resume(run)
            return
        if _waits(run):
            launch.begin([run])
            return
    raise RunError("All sizes of this series have been trained.")


def find_series(store: RunStore, run: Run) -> Series | None:
    """Return the series of a run; None if it belongs to none."""
    own = _ticket(run)
    if own is None:
        return None
    places = {
        ticket[1]: each
        for each in store.list()
        if (ticket := _ticket(each)) is not None and ticket[0] == own[0]
    }
    return Series(own[0], [places[place] for place in sorted(places)])


def next_in_series(run: Run) -> Run | None:
    """Return the next run that waits to be trained after one that has finished."""
    if run.status().state != "finished":
        return None
    series = find_series(RunStore(run.path.parent), run)
    waiting = [] if series is None else series.runs
    return next((each for each in waiting if _waits(each)), None)


def _waits(run: Run) -> bool:
    return is_waiting(run.status())


def is_waiting(status: RunStatus) -> bool:
    """Whether a run was created and no process has been started for it."""
    return status.state == "queued" and status.pid is None


def _create(
    store: RunStore, ticket: tuple[str, int], config: RunConfig, runs: list[Run]
) -> None:
    """Create a run, and add it to some.

    Args:
        store: Where.
        ticket: Its series and its place in it.
        config: Everything that determines the run.
        runs: Those that are created with it.
    """
    name, place = ticket
    runs.append(store.create(config, f"{name}-{config.transformer.d_model}"))
    text = json.dumps({"series": name, "place": place}) + "\n"
    replace_file(runs[-1].path / "series.json", text)


def _ticket(run: Run) -> tuple[str, int] | None:
    """Read a run's series and place, if it has one."""
    try:
        content = json.loads((run.path / "series.json").read_text(encoding="utf-8"))
        return str(content["series"]), int(content["place"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
