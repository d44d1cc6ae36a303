"""The flags of `train` that say which run is meant, and where it is trained."""

import dataclasses
import os
from pathlib import Path
from typing import Annotated, Literal

from minigpt.cli.parsing import flag
from minigpt.config.training import RecipeName
from minigpt.errors import ConfigError
from minigpt.runs.job import ADDRESS, MOST_WORKERS, TRUSTED, Job, Site
from minigpt.storage.place import require_name, require_url

DASHBOARD = "http://127.0.0.1:8265"
"""Where Ray's dashboard is, if nobody has moved it."""


@dataclasses.dataclass(frozen=True)
class RunFlags:
    """Which run, and where."""

    recipe: Annotated[
        RecipeName,
        flag(
            "Preset of model and training: a pure GPT that learns fast, in a minute "
            "on two CPU cores (default), in seconds (quick), in three or ten minutes; "
            "every trick (speedrun); GPT-2's own settings; or heads that learn to "
            "copy repeated words (induction)."
        ),
    ] = "default"
    preset: Annotated[
        Literal["tiny", "small", "medium", "large"] | None,
        flag("Preset of the transformer's sizes (none: the recipe's own)."),
    ] = None
    model_type: Annotated[
        Literal["transformer", "mlp"], flag("Which kind of model.")
    ] = "transformer"
    name: Annotated[
        str | None, flag("The run's name (none: made from the text's and the time).")
    ] = None
    output_dir: Annotated[
        Path | None, flag("The run's directory (none: data/runs/<name>).")
    ] = None
    resume: Annotated[
        str | None,
        flag(
            "Resume a run, by name, directory, or address in a bucket, from its newest "
            "checkpoint."
        ),
    ] = None
    from_step: Annotated[
        int | None,
        flag("With --resume: from the checkpoint of this step, or the one before."),
    ] = None
    engine: Annotated[
        Literal["local", "slurm", "ray"],
        flag(
            "Where to train: in this process, or as a job of Slurm or Ray, with what "
            "MINIGPT_SLURM or MINIGPT_RAY says; the folder must be the cluster's, too, "
            "or --storage leads where both can reach."
        ),
    ] = "local"
    address: Annotated[
        str | None,
        flag("--engine ray: its dashboard's (none: the last one, or this machine)."),
    ] = None
    workers: Annotated[
        int | None,
        flag("--engine ray: processes that train the run together (none: one)."),
    ] = None
    storage: Annotated[
        str | None,
        flag(
            "Keep the run in a bucket, too, such as s3://bucket/runs, where others "
            "watch it and go on with it: --watch or --resume s3://bucket/runs/<name>."
        ),
    ] = None
    detach: Annotated[
        bool, flag("With another engine: hand the run in, and do not watch it.")
    ] = False
    watch: Annotated[
        str | None,
        flag("Train nothing: watch a run, by name, directory, or address in a bucket."),
    ] = None
    upload: Annotated[
        str | None,
        flag("Train nothing: upload what could not be uploaded when a run ended."),
    ] = None
    stop: Annotated[str | None, flag("Train nothing: ask a run to save and stop.")] = (
        None
    )
    run_dir: Annotated[
        Path | None, flag("Train the run prepared in this directory; used by the app.")
    ] = None
    follow_stdin: Annotated[
        bool, flag("Save and stop when standard input ends; used by the app.")
    ] = False
    lock_descriptor: Annotated[
        int | None, flag("The run's lock, if the parent process took it.")
    ] = None


def check_engine(flags: RunFlags, given: set[str]) -> None:
    """Refuse what no engine does.

    Args:
        flags: The flags.
        given: The names of those that were typed.

    Raises:
        ConfigError: If flags make no sense together.
    """
    if {"watch", "stop", "upload"} & given and len(given) > 1:
        raise ConfigError(
            "--watch, --stop and --upload stand alone: drop the other flags."
        )
    if flags.storage is not None:
        require_url(flags.storage)
        if flags.output_dir is not None:
            require_name(flags.output_dir.name)
    if flags.detach and flags.engine == "local":
        raise ConfigError(
            "--detach is for --engine slurm or ray: this process trains itself."
        )
    if flags.engine != "ray" and given & {"address", "workers"}:
        raise ConfigError("--address and --workers are for --engine ray: add it.")
    if flags.address is not None and not ADDRESS.fullmatch(flags.address):
        raise ConfigError(
            f"--address is that of Ray's dashboard, such as {DASHBOARD}, and not "
            f"{flags.address!r}."
        )
    if flags.workers is not None and not 1 <= flags.workers <= MOST_WORKERS:
        raise ConfigError(
            f"--workers is {flags.workers}: choose a number from 1 to {MOST_WORKERS}."
        )
    if flags.from_step is not None and flags.engine != "local":
        raise ConfigError(
            "Elsewhere, a run goes on from its newest checkpoint: drop --from_step or "
            "--engine."
        )


def site_of(flags: RunFlags, before: Job | None) -> Site:
    """Return where a run is to be handed in.

    Args:
        flags: What was typed.
        before: The run's last job, which is followed in what was not typed.
    """
    if flags.engine != "ray":
        return Site(flags.engine)
    last = before.site if before is not None else Site("ray")
    if flags.address:  # who types it trusts it
        os.environ[TRUSTED] = flags.address
    address = flags.address or last.address or os.environ.get(TRUSTED) or DASHBOARD
    return Site("ray", address, flags.workers or last.workers)
