"""A file larger than memory gives the examples of one that is not."""

import tracemalloc

import pytest
import torch
from torch.utils.data import DataLoader

from minigpt.datasets.batches.examples import collate_fn
from minigpt.datasets.batches.streaming import StreamingTextDataset
from minigpt.datasets.corpus import read_text
from minigpt.datasets.tales.story import generate_tales
from minigpt.errors import DataError
from minigpt.tokenizers import BPETokenizer, CharTokenizer, WordTokenizer


@pytest.fixture
def tales_path(tmp_path):
    path = tmp_path / "tales.txt"
    path.write_text(generate_tales(400_000), encoding="utf-8")
    return path


def read_by(dataset, workers, monkeypatch):
    """Let each of several workers read its part, one after the other."""
    read = []
    for number in range(workers):
        info = type("Info", (), {"id": number, "num_workers": workers})
        monkeypatch.setattr(
            "minigpt.datasets.batches.streaming.get_worker_info", lambda info=info: info
        )
        read.append(list(dataset))
    return read


def text_of(examples, tokenizer):
    first = examples[0]["input_ids"][:1].tolist()
    return tokenizer.decode(
        first + [token for one in examples for token in one["labels"].tolist()]
    )


@pytest.mark.parametrize("kind", [CharTokenizer, WordTokenizer, BPETokenizer])
def test_streamed_tokens_are_those_of_the_whole_text(tales_path, kind):
    text = read_text(tales_path)
    tokenizer = kind(vocab_size=300) if kind is BPETokenizer else kind()
    tokenizer.build_vocab(text[:50_000] if kind is BPETokenizer else text)
    dataset = StreamingTextDataset(tales_path, tokenizer, max_length=64)
    labels, inputs = [], []
    for one in dataset:
        inputs += one["input_ids"].tolist()
        labels += one["labels"].tolist()
        assert 0 < len(one["input_ids"]) <= 64
    ids = tokenizer.encode(text)
    assert labels == ids[1:]
    assert inputs == ids[:-1]


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_workers_share_the_file_without_gap_or_overlap(
    tales_path, workers, monkeypatch
):
    tokenizer = CharTokenizer()
    text = read_text(tales_path)
    tokenizer.build_vocab(text)
    dataset = StreamingTextDataset(tales_path, tokenizer, 64)
    told = [text_of(part, tokenizer) for part in read_by(dataset, workers, monkeypatch)]
    assert "".join(told) == text
    assert min(map(len, told)) > 0.8 * len(text) / workers


@pytest.mark.parametrize(
    "text",
    [
        "äöü€😀" * 50_000,
        "字。\n" * 60_000,
        "word " * 60_000,
        "one\r\ntwo\r\n\r\nthree\r\n" * 20_000,
        "a\n\n\n" * 50_000,
        "\ufeffshort",
    ],
)
@pytest.mark.parametrize("workers", [1, 4])
def test_no_character_is_cut_and_none_is_lost(tmp_path, text, workers, monkeypatch):
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode())
    tokenizer = BPETokenizer(vocab_size=260)
    tokenizer.build_vocab("a")
    dataset = StreamingTextDataset(path, tokenizer, 1000)
    parts = read_by(dataset, workers, monkeypatch)
    told = [text_of(part, tokenizer) for part in parts if part]
    whole = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if len(text) > 100:
        assert "".join(told) == whole
    else:  # a part of one byte has nothing to predict
        assert "".join(told) in whole


def test_a_data_loader_with_two_workers_reads_every_token_once(tales_path):
    tokenizer = CharTokenizer()
    text = read_text(tales_path)
    tokenizer.build_vocab(text)
    dataset = StreamingTextDataset(tales_path, tokenizer, 512)
    loader = DataLoader(dataset, batch_size=16, num_workers=2, collate_fn=collate_fn)
    labels = torch.cat([batch["labels"].flatten() for batch in loader])
    assert int((labels != -100).sum()) == len(text) - 2


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "large.txt"
    line = "once upon a time there was a kite\n"
    path.write_text(line * 200_000, encoding="utf-8")
    tokenizer = CharTokenizer()
    tokenizer.build_vocab(line)
    iterator = iter(StreamingTextDataset(path, tokenizer, 128))
    next(iterator)
    tracemalloc.start()
    for _ in range(8_000):
        next(iterator)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 6_000_000
    assert peak < 2_000_000


def test_a_file_that_cannot_be_streamed_is_refused_with_the_reason(tmp_path):
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("abc")
    with pytest.raises(DataError, match="no file"):
        StreamingTextDataset(tmp_path / "missing.txt", tokenizer, 8)
    path = tmp_path / "a.txt"
    path.write_bytes(b"")
    with pytest.raises(DataError, match="empty"):
        StreamingTextDataset(path, tokenizer, 8)
    path.write_bytes(b"abc" * 1000 + b"\xff")
    with pytest.raises(DataError, match="not UTF-8"):
        list(StreamingTextDataset(path, tokenizer, 8))
    path.write_bytes(b"abc\0abc")
    with pytest.raises(DataError, match="byte 3 is zero"):
        list(StreamingTextDataset(path, tokenizer, 8))
