"""A run of seconds, and what its journal says."""

from pathlib import Path

from minigpt.config import RunConfig
from minigpt.runs.store import Run

TEXT = "the cat sat on the mat and the dog sat on the log. " * 100


def small_run(folder: Path, **train: int) -> RunConfig:
    """Describe a run of a small model, with dropout to be repeated as well.

    Args:
        folder: Where its text is written.
        train: Settings of the training.
    """
    text = folder / "text.txt"
    text.write_text(TEXT, encoding="utf-8")
    sizes = {"d_model": 16, "num_layers": 1, "num_heads": 2, "max_seq_len": 16}
    return RunConfig(
        data={"source": str(text)},
        transformer=sizes | {"dropout": 0.1},
        train={"batch_size": 4, "num_threads": 1} | train,
    )


def journal(run: Run) -> list[tuple[str, int, float]]:
    """Return the steps and evaluations of a run: kind, step, loss; in their order."""
    kinds = ("step", "evaluation")
    records = [r for r in run.metrics().records if r["kind"] in kinds]
    return [(r["kind"], r["step"], r["loss"]) for r in records]
