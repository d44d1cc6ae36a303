"""Runs of seconds, and what the tests of engines ask of them."""

from patience import until

from minigpt.config import RunConfig
from minigpt.engines.submitting import settle

DEADLINE = 120


def tiny(text_file, **train) -> RunConfig:
    sizes = {"d_model": 16, "num_layers": 1, "num_heads": 2, "max_seq_len": 16}
    settings = {"max_steps": 60, "batch_size": 4, "eval_interval": 20, "num_threads": 1}
    return RunConfig(
        data={"source": str(text_file)},
        transformer=sizes | {"dropout": 0.1},
        train=settings | train,
    )


def endless(text_file) -> RunConfig:
    return tiny(text_file, max_steps=19_999, eval_interval=50)


def state_of(run) -> str:
    settle([run])
    return run.status().state


def becomes(run, *states: str) -> None:
    until(lambda: state_of(run) in states, DEADLINE)


def losses_of(run) -> list[tuple[str, int, float]]:
    return [(r["kind"], r["step"], r["loss"]) for r in run.metrics().records]


def has_saved(run) -> bool:
    return any(saved.step > 0 for saved in run.checkpoints())
