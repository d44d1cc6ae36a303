"""Two machines with the same run: neither takes it from the other by mistake."""

import pytest
from engines.small_runs import tiny

from minigpt.cli import main
from minigpt.engines.submitting import settle
from minigpt.errors import RunError
from minigpt.runs.job import is_elsewhere
from minigpt.runs.status import write_status
from minigpt.runs.store import Run, RunStore
from minigpt.storage.bucket import Bucket
from minigpt.storage.control import Control, read_control, write_control
from minigpt.storage.following import open_stored
from minigpt.storage.keeping import begin, forget_stored, hand_over
from minigpt.storage.place import keep_in, read_place, write_place
from minigpt.worker.worker import train_run


@pytest.fixture
def url(tmp_path):
    (tmp_path / "bucket").mkdir()
    return f"file://{tmp_path}/bucket/one"


@pytest.fixture
def here(machine, text_file, url):
    """Return a run that was trained here, and is kept in a bucket, too."""
    run = RunStore(machine("here")).create(tiny(text_file, max_steps=20), "one")
    keep_in(run.path, url.rpartition("/")[0])
    train_run(run)
    return run


@pytest.fixture
def another(machine, text_file, url):
    """Return another machine's run of the same name, which is to be handed in."""
    run = RunStore(machine("there")).create(tiny(text_file), "one")
    keep_in(run.path, url.rpartition("/")[0])
    return run


def goes_on(run: Run) -> None:
    """Let a run's machine train it further, as far as others can see."""
    write_place(run.path, read_place(run.path).begun(is_here=True))
    write_status(run.path, run.status().replace(state="running"))
    begin(run).push()


def test_a_name_does_not_take_a_training_that_goes_on_elsewhere(
    here, machine, url, capsys
):
    machine("there")
    open_stored(url, to_train=False)
    goes_on(here)
    control = read_control(Bucket(url))
    assert main(["train", "--resume", "one", "--max_steps", "30"]) == 2
    assert "is trained elsewhere" in capsys.readouterr().err
    assert read_control(Bucket(url)) == control


def test_a_request_to_stop_is_for_the_training_that_it_was_made_for(here, machine, url):
    machine("there")
    goes_on(here)
    there = open_stored(url, to_train=False)
    there.request_stop()
    write_status(here.path, here.status().replace(state="stopped"))
    begin(here).push()
    settle([there])
    assert not is_elsewhere(there.path)
    assert not there.stop_requested
    (there.path / "stop").touch()  # it came too late
    goes_on(here)
    open_stored(url, to_train=False)
    settle([there])
    assert is_elsewhere(there.path)
    assert not read_control(Bucket(url)).stop


def test_a_name_whose_first_upload_goes_on_is_taken(another, url):
    write_control(bucket := Bucket(url), Control("0123456789abcdef"))
    bucket.write(piece := f"pieces/{'0' * 64}", b"the beginning of a text")
    with pytest.raises(RunError, match="holds another run"):
        hand_over(another)
    forget_stored(another)
    assert read_control(bucket) == Control("0123456789abcdef")
    assert bucket.read(piece, 99) is not None


def test_a_fine_tuning_that_is_refused_leaves_the_bucket_as_it_is(another, url):
    write_control(bucket := Bucket(url), Control("0123456789abcdef"))
    another.write_config(another.config.replace(finetune={"base": "tales"}))
    with pytest.raises(RunError, match="A fine-tuning needs its base"):
        train_run(another)
    forget_stored(another)
    assert read_control(bucket) == Control("0123456789abcdef")


def test_a_fine_tuning_without_a_storage_is_handed_in(store, text_file):
    run = store.create(tiny(text_file), "one")
    run.write_config(run.config.replace(finetune={"base": "tales"}))
    hand_over(run)
