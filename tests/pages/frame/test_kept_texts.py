"""Texts that readers bring are whole, whatever happened to them before."""

import signal
from contextlib import contextmanager
from hashlib import sha256

import pytest

from minigpt.errors import DataError

resource = pytest.importorskip("resource", reason="Windows has none")

TEXT = b"once upon a time " * 500


@contextmanager
def full_disk():
    """Let every file of more than 4096 bytes fail."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture
def texts(tmp_path, monkeypatch, root_on_path):
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path))
    from pages.frame import texts

    return texts


def test_a_text_cut_off_by_a_full_disk_is_not_kept(texts, tmp_path):
    with full_disk(), pytest.raises(DataError, match="Cannot keep the text"):
        texts.keep(TEXT, "story.txt")
    assert list(tmp_path.glob("texts/*")) == []
    assert texts.keep(TEXT, "story.txt").read_bytes() == TEXT


def test_a_text_under_another_s_hash_is_replaced(texts, tmp_path):
    path = tmp_path / "texts" / f"story-{sha256(TEXT).hexdigest()[:8]}.txt"
    path.parent.mkdir()
    path.write_bytes(TEXT[:4096])  # cut off by an earlier version
    assert texts.keep(TEXT, "story.txt") == path
    assert path.read_bytes() == TEXT


def test_a_tokenizer_s_files_are_kept_together_or_not_at_all(
    texts, tmp_path, monkeypatch
):
    from pages.tokenizer import new

    class File:
        def __init__(self, name, contents):
            self.name, self.getvalue = name, lambda: contents

    files = [File("vocab.json", b"{}"), File("merges.txt", b"a" * 8192)]
    with full_disk(), pytest.raises(DataError, match="Cannot keep the files"):
        new._kept(files)
    assert list(tmp_path.glob("texts/**/*.*")) == []
    assert sorted(p.name for p in new._kept(files).parent.iterdir()) == [
        "merges.txt",
        "vocab.json",
    ]
