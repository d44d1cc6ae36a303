"""Files and directories are replaced whole, or not at all."""

import os
import stat
import threading

import pytest

from minigpt import atomic_writes
from minigpt.atomic_writes import replace_file, replaced_directory, replaced_file
from minigpt.cli.output import save_traceback


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_replaced_file_is_never_seen_in_part(tmp_path):
    path, done = tmp_path / "status.json", threading.Event()
    replace_file(path, "a" * 50_000)
    seen = set()

    def read():
        while not done.is_set():
            seen.add(path.read_text(encoding="utf-8"))

    reader = threading.Thread(target=read)
    reader.start()
    for letter in "bcdefghij" * 3:
        replace_file(path, letter * 50_000)
    done.set()
    reader.join()
    assert {len(text) for text in seen} == {50_000}
    assert all(len(set(text)) == 1 for text in seen)
    assert [p.name for p in tmp_path.iterdir()] == ["status.json"]


def test_a_new_file_may_be_read_by_whom_the_umask_allows(tmp_path):
    replace_file(tmp_path / "a.txt", b"whole")
    (tmp_path / "b.txt").write_bytes(b"whole")
    modes = [stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("a.txt", "b.txt")]
    assert modes[0] == modes[1]


def test_text_is_written_as_it_is_with_plain_newlines(tmp_path):
    replace_file(tmp_path / "a.txt", "früh\n早上\n")
    assert (tmp_path / "a.txt").read_bytes() == "früh\n早上\n".encode()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_while_a_file_is_written_leaves_the_old_one_alone(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")

    def fail():
        with replaced_file(path) as temporary:
            temporary.write_text("half of the ne", encoding="utf-8")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_full_disk_leaves_the_old_file_or_directory_alone(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a.txt").write_text("old", encoding="utf-8")

    def disk_full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_writes.os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space"):
        replace_file(tmp_path / "model" / "a.txt", "new")
    with (
        pytest.raises(OSError, match="No space"),
        replaced_directory(tmp_path / "model") as temporary,
    ):
        (temporary / "a.txt").write_text("new", encoding="utf-8")
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ["a.txt"]
    assert (tmp_path / "model" / "a.txt").read_text(encoding="utf-8") == "old"


def test_text_that_is_no_unicode_leaves_nothing_behind(tmp_path):
    with pytest.raises(UnicodeEncodeError):
        replace_file(tmp_path / "a.txt", "\ud800")
    assert names(tmp_path) == []


def test_a_report_of_a_bug_has_a_name_of_its_own_and_one_reader(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first, second = save_traceback(), save_traceback()
    assert first != second
    if os.name != "nt":
        assert stat.S_IMODE(first.stat().st_mode) == 0o600
