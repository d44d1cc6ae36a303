"""Paths that lead to no file: a clear line from every door, and nobody waits."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.checkpoint.metadata import CheckpointMetadata, read_metadata
from minigpt.config import DataConfig, RunConfig
from minigpt.datasets.conversation_files import read_conversations
from minigpt.datasets.corpus import held_out_text, read_text
from minigpt.errors import CheckpointError, MinigptError
from minigpt.interpret.corpora import held_out
from minigpt.library.incoming import bring
from minigpt.model import TransformerLM
from minigpt.preparation.estimate import estimate_run
from minigpt.pretrained import from_pretrained
from minigpt.runs.checkpoints import checkpoint_step, list_checkpoints
from minigpt.tokenizers import CharTokenizer
from minigpt.tokenizers.storage import open_tokenizer

pytestmark = [
    pytest.mark.timeout(20),  # a FIFO that is opened waits for ever
    pytest.mark.skipif(os.name == "nt", reason="Windows has no such files"),
]


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def link_to_fifo(folder: Path) -> Path:
    (folder / "link").symlink_to(fifo(folder))
    return folder / "link"


def unix_socket(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
    return folder / "socket"


def loop(folder: Path) -> Path:
    (folder / "loop").symlink_to(folder / "loop")
    return folder / "loop"


HOSTILE: dict[str, Callable[[Path], Path]] = {
    "a FIFO": fifo,
    "a link to a FIFO": link_to_fifo,
    "a socket": unix_socket,
    "an endless device": lambda _: Path("/dev/zero"),
    "an empty device": lambda _: Path("/dev/null"),
    "a directory": lambda folder: folder,
    "a link to itself": loop,
    "a path of 5,000 characters": lambda folder: folder / ("a" * 5000),
    "a zero byte": lambda folder: folder / "a\0b",
    "nothing": lambda folder: folder / "none",
    "no user": lambda _: Path("~no-such-user/text.txt"),
    "a file of the kernel": lambda _: Path("/proc/self/mem"),
}
AS_A_FILE: dict[str, Callable[[Path], object]] = {
    "text": read_text,
    "held-out text": lambda path: held_out_text(DataConfig(source=str(path))),
    "estimate": lambda path: estimate_run(RunConfig(data=DataConfig(source=str(path)))),
    "conversations": read_conversations,
    "tokenizer": open_tokenizer,
    "pretrained": from_pretrained,
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("door", AS_A_FILE)
def test_a_path_that_is_no_file_is_one_clear_line(tmp_path, monkeypatch, door, kind):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MinigptError) as refused:
        AS_A_FILE[door](HOSTILE[kind](tmp_path))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_library_brings_no_model_from_there_and_leaves_nothing(
    tmp_path, monkeypatch, kind
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "files").mkdir()
    source = HOSTILE[kind](tmp_path / "files")
    with pytest.raises(CheckpointError) as refused:
        bring(tmp_path / "data", "new", str(source), str)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.glob("data/models/*")) == []


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("the cat sat")
    model = TransformerLM(vocab_size=tokenizer.vocab_size, d_model=8, num_heads=2)
    return save_checkpoint(tmp_path / "checkpoint", model, tokenizer)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_pipe_among_a_checkpoint_s_files_is_refused(checkpoint, name):
    (checkpoint / name).unlink()
    os.mkfifo(checkpoint / name)
    with pytest.raises(CheckpointError, match=r"pipe|missing"):
        load_checkpoint(checkpoint)
    if name == "config.json":
        assert checkpoint_step(checkpoint) is None
        assert list_checkpoints(checkpoint.parent) == []
        with pytest.raises(CheckpointError, match="pipe"):
            read_metadata(checkpoint)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_model_whose_provenance_names_no_file_opens_on_other_text(
    tmp_path, monkeypatch, kind
):
    monkeypatch.setattr("minigpt.interpret.corpora.LONGEST_TEXT", 2000)
    data = DataConfig(source=str(HOSTILE[kind](tmp_path)))
    metadata = CheckpointMetadata(
        model_type="mlp", model={}, provenance={"data": data.to_dict()}
    )
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("abcdefgh")
    found = held_out(metadata, tokenizer, length=8, count=2)
    assert found.windows.shape == (2, 8)
    assert "its text" not in found.description


def test_at_another_machine_a_directory_and_no_directory_get_the_same_words(tmp_path):
    (tmp_path / "there").mkdir()
    words = set()
    for source in (f"{tmp_path}/there", f"{tmp_path}/none", "/etc", "..", "~", "a b"):
        with pytest.raises(CheckpointError) as refused:
            bring(tmp_path / "data", "new", source, str, directories=False)
        words.add(str(refused.value).replace(repr(source), "…"))
    assert len(words) == 1, words


def test_a_text_that_takes_too_long_is_given_up(tmp_path, monkeypatch):
    path = tmp_path / "large.txt"
    path.write_text("abcdefgh " * 20_000)
    metadata = CheckpointMetadata(
        model_type="mlp", model={}, provenance={"data": {"source": str(path)}}
    )
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("abcdefgh ")
    monkeypatch.setattr("minigpt.datasets.corpus.LARGE", 1)
    monkeypatch.setattr("minigpt.interpret.corpora.PATIENCE", -1.0)
    monkeypatch.setattr("minigpt.interpret.corpora.LONGEST_TEXT", 2000)
    read = []
    monkeypatch.setattr(
        "minigpt.datasets.files.text_file.TextFile.blocks",
        lambda self: iter(read.append(block) or block for block in ["abc"] * 100),
    )
    held_out(metadata, tokenizer, length=8, count=2)
    assert len(read) == 1
