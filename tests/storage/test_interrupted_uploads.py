"""What becomes of a bucket if an upload ends at any point, and is tried again."""

import json

import pytest

from minigpt.atomic_writes import replaced_directory
from minigpt.config import RunConfig
from minigpt.storage import keeping
from minigpt.storage.bucket import Bucket, StorageError
from minigpt.storage.contents import Contents, read_contents
from minigpt.storage.control import Control, write_control
from minigpt.storage.download import fetch
from minigpt.storage.upload import Uploader

ATTEMPT = "0123456789abcdef"
AWAY = StorageError("It cannot be reached.")
SAVED = "checkpoints/checkpoint_step_1"
FILES = (f"{SAVED}/config.json", f"{SAVED}/model.safetensors", "config.json")


@pytest.fixture
def there(tmp_path):
    """Return a run's bucket that waits for its first upload."""
    (tmp_path / "bucket").mkdir()
    bucket = Bucket(f"file://{tmp_path}/bucket/one")
    write_control(bucket, Control(ATTEMPT))
    return bucket


@pytest.fixture
def here(tmp_path):
    """Return the directory of a run."""
    directory = tmp_path / "here"
    (directory / SAVED).mkdir(parents=True)
    for name in FILES:
        (directory / name).write_text(f"first {name}")
    return directory


@pytest.fixture
def uploader(here, there):
    return Uploader(here, there, Contents(ATTEMPT, {}), None)


def in_bucket(there, directory) -> dict[str, str]:
    """Return what is in a bucket, fetched into a new directory."""
    directory.mkdir()
    fetch(there, directory)
    return {name: (directory / name).read_text() for name in FILES}


@pytest.mark.parametrize("last", range(4))
def test_an_upload_that_ends_anywhere_is_made_up_for(
    there, here, uploader, tmp_path, monkeypatch, last
):
    write, written = Bucket.write, []

    def fail(self, name, data):
        if len(written) == last:
            raise StorageError("It cannot be reached.")
        written.append(name)
        write(self, name, data)

    monkeypatch.setattr(Bucket, "write", fail)
    with pytest.raises(StorageError):
        uploader.push()
    monkeypatch.setattr(Bucket, "write", write)
    assert read_contents(there) is None
    uploader.push()
    uploader.sweep()
    assert in_bucket(there, tmp_path / "there") == {f: f"first {f}" for f in FILES}


def test_a_checkpoint_replaced_during_an_upload_is_listed_whole(
    there, here, uploader, tmp_path, monkeypatch
):
    uploader.push()
    (here / FILES[0]).write_text("second")
    write = Bucket.write

    def replace(self, name, data):
        monkeypatch.setattr(Bucket, "write", write)
        write(self, name, data)
        with replaced_directory(here / SAVED) as beside:
            (beside / "config.json").write_text("third")
            (beside / "model.safetensors").write_text("third")

    monkeypatch.setattr(Bucket, "write", replace)
    uploader.push()
    assert in_bucket(there, tmp_path / "before")[FILES[0]] == f"first {FILES[0]}"
    uploader.push()
    found = in_bucket(there, tmp_path / "after")
    assert [found[name] for name in FILES[:2]] == ["third", "third"]


def test_what_a_broken_fetch_has_removed_is_fetched_when_it_is_there_again(
    there, here, uploader, tmp_path, monkeypatch
):
    uploader.push()
    in_bucket(there, tmp_path / "there")
    (here / SAVED).rename(aside := tmp_path / "aside")  # a run that goes back
    (here / "config.json").write_text("second")
    uploader.push()
    with monkeypatch.context() as away:
        away.setattr(Bucket, "download", lambda *_: (_ for _ in ()).throw(AWAY))
        with pytest.raises(StorageError):
            fetch(there, tmp_path / "there")
    aside.rename(here / SAVED)  # and comes to the same step again
    uploader.push()
    fetch(there, tmp_path / "there")
    assert (tmp_path / "there" / FILES[0]).read_text() == f"first {FILES[0]}"
    assert (tmp_path / "there" / "config.json").read_text() == "second"


def test_an_uploader_outlives_a_log_that_cannot_be_written(store, there):
    run = store.create(RunConfig(), "one")
    (run.path / "log.txt").mkdir()
    keeper = keeping._Keeper(run, there.url)
    keeper._tell(AWAY)
    assert keeper._problem is AWAY


def test_an_empty_file_is_not_listed(there, here, uploader):
    (here / "status.json").write_text("")
    uploader.push()
    assert "status.json" not in json.loads(there.read("contents.json", 2**20))["files"]


def test_a_share_that_is_not_mounted_is_waited_for(there, uploader, tmp_path):
    uploader.push()
    (mounted := tmp_path / "bucket").rename(aside := tmp_path / "aside")
    with pytest.raises(StorageError, match="make it, or mount it"):
        uploader.push()
    assert not mounted.exists()
    mounted.mkdir()
    with pytest.raises(StorageError, match="is not mounted"):
        uploader.push()
    mounted.rmdir()
    aside.rename(mounted)
    uploader.push()


def test_only_pieces_are_removed(there, uploader, tmp_path):
    uploader.push()
    pieces = tmp_path / "bucket" / "one" / "pieces"
    before = {path.name for path in pieces.iterdir()}
    names = ["holiday.jpg", "0" * 64, f"{'0' * 64}.{'1' * 16}"]
    for name in names:
        (pieces / name).touch()
    uploader.sweep()
    assert {path.name for path in pieces.iterdir()} == {*before, names[0]}
