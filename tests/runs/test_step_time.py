"""Where a step's time goes, read off a run's journal."""

import pytest

from minigpt.config import RunConfig
from minigpt.model.sizes import training_flops_per_token
from minigpt.runs import RunStatus, RunStore
from minigpt.runs.step_time import PARTS, elapsed_before, step_time
from minigpt.worker.worker import train_run

STATUS = RunStatus(flops_per_token=1000, peak_flops_per_second=4e6)


def record(step, **seconds):
    parts = {f"{part}_seconds": seconds.get(part, 0.0) for part in PARTS}
    speed = {"tokens_per_second": 2000.0, "elapsed_seconds": float(step)}
    return {"kind": "step", "step": step, "loss": 1.0, **speed, **parts}


def test_the_parts_of_the_last_steps_are_averaged():
    old = [record(n, forward=100.0) for n in range(5)]
    new = [record(n, forward=0.01, backward=0.03) for n in range(5, 55)]
    found = step_time([*old, *new], STATUS)
    assert found.milliseconds["forward"] == pytest.approx(10)
    assert found.total == pytest.approx(40)
    assert found.shares["backward"] == pytest.approx(0.75)
    assert found.flops_per_second == 2e6
    assert found.share_of_peak == 0.5
    line = "40.0 ms: forward 25%, backward 75%; 2,000 tokens/s, 0.0 GFLOP/s = 50%"
    assert str(found).startswith(line)


def test_what_was_not_measured_is_left_out():
    without = {"kind": "step", "step": 1, "loss": 1.0, "tokens_per_second": 1.0}
    assert step_time([without], STATUS) is None
    assert step_time([], STATUS) is None
    tuned = step_time([record(1, forward=0.01)], RunStatus())
    assert (tuned.flops_per_second, tuned.share_of_peak) == (None, None)
    assert "GFLOP" not in str(tuned)


def test_a_resumed_run_goes_on_counting_seconds(tmp_path):
    assert elapsed_before([record(1), record(2), record(3)], 2) == 2.0
    assert elapsed_before([], 5) == 0.0


SMALL = {"d_model": 16, "num_layers": 1, "num_heads": 2, "max_seq_len": 16}


def test_a_run_tells_its_parts_its_seconds_and_the_machines_peak(tmp_path):
    base = RunConfig()
    config = base.replace(
        data={"tales_megabytes": 0.02},
        transformer=base.transformer.replace(**SMALL).to_dict(),
        train={"max_steps": 4, "eval_interval": 2, "num_threads": 1, "batch_size": 2},
    )
    run = RunStore(tmp_path).create(config, "small")
    train_run(run)
    status, records = run.status(), run.metrics().records
    assert status.flops_per_token == training_flops_per_token(run.config.model)
    assert status.peak_flops_per_second > 0
    assert status.num_threads == 1
    found = step_time(records, status)
    assert found.total > 0
    assert 0 < found.share_of_peak < 1
    steps = [r for r in records if r["kind"] == "step"]
    total = sum(r[f"{part}_seconds"] for r in steps for part in PARTS)
    assert steps[-1]["elapsed_seconds"] == pytest.approx(total, abs=1e-5)
