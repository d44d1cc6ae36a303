"""TensorBoard and Weights & Biases hold what `metrics.jsonl` holds."""

import json
import subprocess
import sys

import pytest

from minigpt.config import RunConfig
from minigpt.config.finetuning_recipes import default_training
from minigpt.errors import ConfigError
from minigpt.training.callbacks import TrainerCallback
from minigpt.worker.tracking import series, tracked
from minigpt.worker.worker import train_run


@pytest.fixture
def tiny(text_file):
    """Return a function that describes a run of a minute's smallest model."""

    def config(**train):
        sizes = {"d_model": 8, "num_layers": 1, "num_heads": 2, "max_seq_len": 8}
        steps = {"max_steps": 12, "batch_size": 2, "eval_interval": 4}
        return RunConfig(
            data={"source": str(text_file)},
            transformer=sizes,
            train=steps | {"num_threads": 1, "eval_batches": 1} | train,
        )

    return config


def journal(run) -> dict[str, list[tuple[int, float]]]:
    """Return every series of the run's journal."""
    found: dict[str, list[tuple[int, float]]] = {}
    for record in run.metrics().records:
        for name, value in series(record).items():
            found.setdefault(name, []).append((record["step"], value))
    return found


def assert_same(theirs, ours):
    assert set(theirs) == set(ours)
    for name, points in ours.items():
        assert [step for step, _ in theirs[name]] == [step for step, _ in points]
        values = [value for _, value in points]
        assert [value for _, value in theirs[name]] == pytest.approx(values, rel=1e-6)


def tensorboard(run) -> dict[str, list[tuple[int, float]]]:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run.path / "tensorboard"), {"scalars": 0})
    events.Reload()
    return {
        name: [(event.step, event.value) for event in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


class StopAt(TrainerCallback):
    def __init__(self, run, step):
        self.run, self.step = run, step

    def on_step(self, record):
        if record.step == self.step:
            self.run.request_stop()


class Fail(TrainerCallback):
    def on_step(self, record):
        if record.step == 7:
            raise OSError("the disk is gone")


def test_every_number_of_the_journal_is_named_and_nothing_else():
    record = {"kind": "step", "step": 3, "epoch": 1, "loss": 2.0, "text": "x"}
    assert series(record) == {"train/epoch": 1, "train/loss": 2.0}
    look = {"kind": "evaluation", "step": 3, "loss": 2.0, "is_best": True}
    assert series(look | {"complete": False}) == {"validation/loss": 2.0}
    assert series(look | {"complete": True}) == {"validation_complete/loss": 2.0}
    assert series({"kind": "repetition", "step": 0, "loss": None}) == {}


def test_tensorboards_files_say_what_the_journal_says(store, tiny):
    pytest.importorskip("tensorboard")
    run = store.create(tiny(tensorboard=True), "run")
    train_run(run)
    ours = journal(run)
    assert len(ours["train/loss"]) == 12
    assert [step for step, _ in ours["validation/loss"]] == [4, 8, 12]
    assert [step for step, _ in ours["validation_complete/loss"]] == [12]
    assert_same(tensorboard(run), ours)


def test_a_resumed_run_continues_tensorboards_series(store, tiny):
    pytest.importorskip("tensorboard")
    run = store.create(tiny(tensorboard=True), "run")
    with pytest.raises(Exception, match="disk is gone"):
        train_run(run, callbacks=[Fail()])  # at step 7; the last checkpoint is at 4
    assert [step for step, _ in tensorboard(run)["train/loss"]] == [1, 2, 3, 4, 5, 6, 7]
    train_run(run, resume=True)
    ours = journal(run)
    assert [step for step, _ in ours["train/loss"]] == list(range(1, 13))
    assert_same(tensorboard(run), ours)


def test_weights_and_biases_offline_say_what_the_journal_says(store, tiny, monkeypatch):
    pytest.importorskip("wandb")
    for name, value in {"MODE": "offline", "ERROR_REPORTING": "false"}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    run = store.create(tiny(wandb_project="minigpt"), "run")
    train_run(run, callbacks=[StopAt(run, 5)])
    train_run(run, resume=True)
    files = sorted((run.path / "wandb").glob("offline-run-*/run-*.wandb"))
    assert len(files) == 2
    identity = (run.path / "wandb_id").read_text(encoding="utf-8")
    assert all(path.stem == f"run-{identity}" for path in files)
    theirs: dict[str, list[tuple[int, float]]] = {}
    for path in files:
        for step, values in offline_history(path):
            for name, value in values.items():
                theirs.setdefault(name, []).append((step, value))
    assert_same(theirs, journal(run))


def offline_history(path):
    """Yield step and numbers of each row that waits to be synced."""
    from wandb.proto import wandb_internal_pb2
    from wandb.sdk.internal.datastore import DataStore

    store = DataStore()
    store.open_for_scan(str(path))
    while (data := store.scan_data()) is not None:
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        if record.WhichOneof("record_type") != "history":
            continue
        items = {
            item.key or "/".join(item.nested_key): json.loads(item.value_json)
            for item in record.history.item
        }
        named = {name: value for name, value in items.items() if name[0] != "_"}
        yield int(items["_step"]), named


@pytest.mark.parametrize(
    ("setting", "package"),
    [({"tensorboard": True}, "tensorboard"), ({"wandb_project": "x"}, "wandb")],
)
def test_without_its_package_a_tracker_is_refused_before_anything_is_read(
    store, tiny, monkeypatch, setting, package
):
    monkeypatch.setitem(sys.modules, package, None)  # as if not installed
    run = store.create(tiny(**setting).replace(data={"source": "not/there.txt"}), "run")
    with pytest.raises(ConfigError, match=r'pip install "minigpt\[track\]"'):
        train_run(run)
    assert run.status().state == "failed"
    assert "minigpt[track]" in (run.status().error or "")


def test_who_asks_for_no_tracker_gets_none_and_imports_none(store, tiny):
    run = store.create(tiny(), "run")
    with tracked(run) as trackers:
        assert trackers == []
    look = "import sys, minigpt.worker.worker; print('wandb' in sys.modules)"
    answer = subprocess.check_output([sys.executable, "-c", look], text=True)
    assert answer.strip() == "False"


def test_fine_tuning_takes_the_same_options():
    training = default_training("sft", has_adapter=False)
    assert not training.tensorboard
    assert training.replace(tensorboard=True, wandb_project="x").tensorboard
