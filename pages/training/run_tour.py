"""Training's tour of a run that has ended: its loss, its heads, and what it writes.

The tour of the page before a run is in `tour`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from minigpt.runs import Run, RunStatus
from pages.frame.controls.tour import Stop
from pages.training import watch


def stops(
    run: Run, status: RunStatus, records: Sequence[Mapping[str, Any]]
) -> list[Stop]:
    """Write the tour of a run.

    Args:
        run: One that has snapshots.
        status: Of a run that is not alive.
        records: Its journal, with at least one step.
    """
    losses = [record["loss"] for record in records if record.get("kind") == "step"]
    return [
        *_loss(status, losses),
        *_heads(run),
        *_text(status),
        Stop(
            watch.HEADER,
            "Now it is a model like any other. From here you can look into its heads, "
            "or let it write; in the sidebar it can be chosen for every other page.",
        ),
    ]


def may_be_shown(run: Run, status: RunStatus, records: Sequence[object]) -> bool:
    """Whether there is enough to see: the run has ended, and has heads and losses."""
    is_measured = bool(status.baselines) and status.validation_loss is not None
    return not status.is_alive and is_measured and bool(records and _steps(run))


def _loss(status: RunStatus, losses: list[float]) -> list[Stop]:
    baselines = ", ".join(
        f"{name} {loss:.2f}" for name, loss in status.baselines.items()
    )
    return [
        Stop(
            watch.CURVE,
            f"{status.step:,} times this model guessed next tokens, was told what "
            "really came, and was corrected a little. The line shows how surprised it "
            f"was by the right tokens: its loss. It began at {losses[0]:.2f} nats and "
            f"ended at {losses[-1]:.2f}.",
        ),
        Stop(
            watch.CURVE,
            "How good is that? The dashed lines are what can be reached without any "
            "network: by guessing evenly, by counting how often each token occurs, and "
            f"by counting pairs of neighbours. In nats: {baselines}. A model below the "
            "last one must look back further than one token.",
        ),
    ]


def _heads(run: Run) -> list[Stop]:
    """Show the heads before, in the middle and after."""
    steps = _steps(run)
    first, middle, last = steps[0], steps[len(steps) // 2], steps[-1]
    film = watch.film_key(run)
    return [
        Stop(
            watch.HEADS,
            "What has changed inside? Each small picture is one attention head: a row "
            "for each token that looks back, a column for each that is looked at, "
            f"darker where it takes more. This is step {first:,}. {_most(run, first)}",
            {film: first},
        ),
        Stop(
            watch.HEADS,
            f"At step {middle:,} the pictures are different. {_most(run, middle)}",
            {film: middle},
        ),
        Stop(
            watch.HEADS,
            f"And at step {last:,}, the last one: {_most(run, last)} Heads that do "
            "the same for every text have stripes along the diagonal.",
            {film: watch.LATEST},
        ),
    ]


def _most(run: Run, step: int) -> str:
    """Say which head takes most from the token just before."""
    weights = run.snapshots().load(step).scores.previous_token
    layer, head = divmod(int(weights.argmax()), weights.shape[1])
    return (
        f"Of all heads, L{layer}H{head} takes most from the token just before: "
        f"{weights[layer, head]:.2f} of its attention, on average."
    )


def _text(status: RunStatus) -> list[Stop]:
    return [
        Stop(
            watch.NUMBERS,
            "Some of the text was held out: the model never learned from it. The "
            f"validation loss is measured there, {status.validation_loss or 0:.2f} "
            "nats. If it stays well above the training loss, the model knows its own "
            "text by heart better than it knows how such texts go on.",
        ),
        Stop(
            watch.DETAILS,
            "A loss is only a number. Below it is what the model wrote at each "
            "evaluation, the latest first: read from the bottom up, and you hear it "
            "learn.",
        ),
    ]


def _steps(run: Run) -> list[int]:
    return run.snapshots().steps
