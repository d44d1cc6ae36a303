"""A run in a notebook: what it measured, its film, and news while it goes on."""

import re
import shutil
from xml.etree import ElementTree

import numpy as np
import pytest

from minigpt.checkpoint import Checkpoint
from minigpt.config import RunConfig
from minigpt.errors import DataError, RunError
from minigpt.notebook import training
from minigpt.runs import Run, RunStore
from minigpt.training.callbacks import TrainerCallback
from minigpt.worker.worker import train_run
from viz.components.head_grid.view import thumbnails

SIZES = {"d_model": 16, "num_layers": 2, "num_heads": 2, "max_seq_len": 16}
STEPS = {"max_steps": 12, "batch_size": 4, "eval_interval": 6, "num_threads": 1}


class Watching(TrainerCallback):
    """Looks at a run as another process would: through its directory alone."""

    def __init__(self, run) -> None:
        self.widget = training(run)
        self.seen = [self.widget.now]

    def on_evaluation(self, record) -> None:
        self.widget._handle_custom_msg({"ask": "news"}, [])
        self.seen.append({**self.widget.now, "steps": len(self.widget.losses)})


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    text = tmp_path_factory.mktemp("text") / "text.txt"
    text.write_text("the cat sat on the mat. " * 200, encoding="utf-8")
    return RunConfig(data={"source": str(text)}, transformer=SIZES, train=STEPS)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, config):
    run = RunStore(tmp_path_factory.mktemp("runs")).create(config, "small")
    watching = Watching(run)
    train_run(run, callbacks=[watching])
    return run, watching


def test_while_a_run_goes_on_the_picture_follows_it(trained):
    run, watching = trained
    widget, (before, middle, *_) = watching.widget, watching.seen
    assert before["words"] == "small is queued, at step 0."
    assert before["alive"]
    assert middle["alive"]
    assert 0 < middle["steps"] < 12
    widget.wait(timeout=60)
    assert not widget.now["alive"]
    status = run.status()
    assert widget.summary() == (
        f"small is finished, at step 12 of 12; training loss {status.train_loss:.3f} "
        f"nats; validation loss {status.validation_loss:.3f} nats."
    )
    assert widget.records == run.metrics().records
    assert list(widget.losses) == list(range(1, 13))
    assert widget.curve == (run.path / "curves.svg").read_text(encoding="utf-8")
    assert widget.steps == run.snapshots().steps == [0, 1, 2, 3, 4, 6, 8, 11, 12]


def test_the_film_is_the_apps_at_the_step_that_is_chosen(trained):
    run, _ = trained
    widget = training(run.path)
    assert widget.grid["step"] == 12  # The newest.
    widget.set_state({"step": 3, "head": [1, 0]})
    snapshot = run.snapshots().load(3)
    expected = thumbnails(snapshot.patterns)
    assert {name: widget.grid[name] for name in expected} == expected
    scores = np.array(widget.grid["scores"])
    assert np.abs(scores - snapshot.scores.previous_token).max() < 1e-6
    assert np.abs(255 * widget.pattern - snapshot.patterns[1, 0]).max() < 1e-3
    assert widget.pattern.sum(-1) == pytest.approx(1, abs=0.05)
    saved = widget.load()
    assert isinstance(saved, Checkpoint)
    nearest = min((s.step for s in run.to_look_at()), key=lambda step: abs(step - 3))
    assert saved.metadata.step == nearest
    with pytest.raises(DataError, match="no snapshot of step 5: there are 0, 1, 2, 3"):
        widget.step = 5
    with pytest.raises(DataError, match=r"head \(2, 0\) lies outside"):
        widget.head = (2, 0)
    picture = ElementTree.fromstring(widget.picture())
    assert picture[0].text == widget.summary()
    assert picture[1].tag.endswith("svg")
    assert picture[2].text == "Heads after step 3"
    assert not re.search("<script|src=|href=", widget.picture())


def test_a_run_that_is_resumed_loses_the_steps_that_it_repeats(trained, tmp_path):
    run = Run(shutil.copytree(trained[0].path, tmp_path / "resumed"))
    widget = training(run)
    widget.step = 11
    run.snapshots().drop_after(4)
    with (run.path / "metrics.jsonl").open("a", encoding="utf-8") as journal:
        journal.write('{"restart": 4}\n{"kind": "step", "step": 5, "loss": 1.5}\n')
    widget.refresh()
    assert widget.step is None
    assert widget.grid["step"] == 4
    assert list(widget.losses) == [1, 2, 3, 4, 5]
    assert widget.losses[5] == 1.5


def test_before_the_first_step_and_without_heads_there_are_losses_only(store, config):
    run = store.create(config, "new")
    widget = training(run)
    assert (widget.curve, widget.steps, widget.grid, widget.pattern) == (
        "",
        [],
        {},
        None,
    )
    with pytest.raises(DataError, match="no snapshot of a head to choose"):
        widget.head = (0, 0)
    with pytest.raises(DataError, match="no snapshot of step 0: there are none yet"):
        widget.step = 0
    with pytest.raises(RunError, match="'new' has not saved a model yet"):
        widget.load()
    ElementTree.fromstring(widget.picture())
    shutil.rmtree(run.path)
    widget._handle_custom_msg({"ask": "news"}, [])
    assert not widget.now["alive"]
    assert "cannot be read" in widget.now["words"]


def test_a_run_is_found_by_name_and_a_wrong_one_is_refused(
    store, config, tmp_path, monkeypatch
):
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path))
    store.create(config, "mine")
    assert training("mine").run.path == store.root / "mine"
    with pytest.raises(RunError, match=r"no run 'mime'.*mine"):
        training("mime")
    with pytest.raises(RunError, match="cannot be a run's name"):
        training(tmp_path / "nowhere")
