"""A tokenizer file is believed only after it was checked."""

import json

import pytest

from minigpt import atomic_writes
from minigpt.errors import CheckpointError
from minigpt.tokenizers import (
    BPETokenizer,
    CharTokenizer,
    WordTokenizer,
    load_tokenizer,
)
from minigpt.tokenizers import files as tokenizer_files
from minigpt.tokenizers.storage import exported, open_tokenizer

HEADER = {"format": "minigpt-tokenizer", "version": 1, "kind": "char"}
SPECIAL = ["<pad>", "<unk>", "<bos>", "<eos>"]


def written(path, content):
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b'{"format": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[]", "JSON object"),
        (b"null", "JSON object"),
        ({}, "no minigpt-tokenizer"),
        ({**HEADER, "format": "other"}, "no minigpt-tokenizer"),
        ({**HEADER, "version": 2, "pieces": SPECIAL}, "version is 2"),
        ({**HEADER, "kind": "chars", "pieces": SPECIAL}, "Did you mean 'char'"),
        ({**HEADER, "kind": ["char"], "pieces": SPECIAL}, "kind is"),
        (HEADER, "'pieces' is missing"),
        ({**HEADER, "pieces": SPECIAL, "more": 1}, "unknown field 'more'"),
        ({**HEADER, "pieces": "abc"}, "must be a list"),
        ({**HEADER, "pieces": []}, "starts with"),
        ({**HEADER, "pieces": [*SPECIAL, "a", "a"]}, "piece 5 is 'a': there twice"),
        ({**HEADER, "pieces": [*SPECIAL, "ab"]}, "no piece of kind char"),
        ({**HEADER, "pieces": [*SPECIAL, 5]}, "piece 4 is 5, not text"),
        ({**HEADER, "pieces": [*SPECIAL, ["a"]]}, "not text"),
        ({**HEADER, "kind": "word", "pieces": [*SPECIAL, "a"]}, "joint and space"),
        ({**HEADER, "kind": "bpe", "vocab": {}, "merges": []}, "'special_tokens' is"),
    ],
)
def test_a_damaged_file_is_one_clear_error(tmp_path, content, complaint):
    file = written(tmp_path / "tokenizer.json", content)
    with pytest.raises(CheckpointError) as error:
        load_tokenizer(file)
    assert complaint in str(error.value)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


def test_any_piece_cut_off_a_file_is_noticed(tmp_path):
    tokenizer = BPETokenizer(270)
    tokenizer.build_vocab("some text, some more")
    tokenizer.save(tmp_path / "whole.json")
    data = (tmp_path / "whole.json").read_bytes()
    for end in range(0, len(data) - 1, 97):
        with pytest.raises(CheckpointError):
            load_tokenizer(written(tmp_path / "cut.json", data[:end]))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"no file .*nowhere\.json"):
        load_tokenizer(tmp_path / "nowhere.json")
    with pytest.raises(CheckpointError, match=r"no file .*tokenizer\.json"):
        load_tokenizer(tmp_path)


def test_an_enormous_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(tokenizer_files, "MAX_BYTES", 10)
    with pytest.raises(CheckpointError, match="more than any tokenizer"):
        load_tokenizer(written(tmp_path / "tokenizer.json", HEADER))


def test_each_reader_names_the_other_for_its_files(tmp_path):
    tokenizer = BPETokenizer(270)
    tokenizer.build_vocab("some text")
    tokenizer.save(tmp_path / "own.json")
    tokenizer.save_huggingface(tmp_path / "theirs.json")
    with pytest.raises(CheckpointError, match="load_tokenizer"):
        BPETokenizer.from_pretrained(tmp_path / "own.json")
    with pytest.raises(CheckpointError, match="open_tokenizer"):
        load_tokenizer(tmp_path / "theirs.json")


def test_a_failed_save_leaves_the_last_good_file(tmp_path, monkeypatch):
    first, second = CharTokenizer(), WordTokenizer()
    first.build_vocab("abc")
    second.build_vocab("other words")
    first.save(tmp_path / "tokenizer.json")

    def disk_full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_writes.os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space"):
        second.save(tmp_path / "tokenizer.json")
    monkeypatch.undo()
    assert load_tokenizer(tmp_path / "tokenizer.json").to_dict() == first.to_dict()
    assert len(list(tmp_path.iterdir())) == 1


def test_an_export_gives_tokenizers_the_same_ids(tmp_path):
    rust = pytest.importorskip("tokenizers")
    text = "The cat's hat — früh am Morgen, 早上好 🙂 1234  \n"
    for tokenizer in (BPETokenizer(300), CharTokenizer()):
        tokenizer.build_vocab(text * 3)
        theirs = rust.Tokenizer.from_str(exported(tokenizer).decode())
        assert theirs.encode(text).ids == tokenizer.encode(text)


def test_a_file_is_opened_whoever_wrote_it(tmp_path):
    text = "The cat's hat. " * 3
    for tokenizer in (BPETokenizer(300), WordTokenizer(), CharTokenizer()):
        tokenizer.build_vocab(text)
        tokenizer.save(tmp_path / "tokenizer.json")
        opened = open_tokenizer(tmp_path / "tokenizer.json")
        assert opened.kind == tokenizer.kind
        assert opened.encode(text) == tokenizer.encode(text)
    for tokenizer in (BPETokenizer(300), WordTokenizer()):
        tokenizer.build_vocab(text)
        (tmp_path / "tokenizer.json").write_bytes(exported(tokenizer))
        opened = open_tokenizer(tmp_path / "tokenizer.json")
        assert opened.encode(text) == tokenizer.encode(text)
    with pytest.raises(CheckpointError, match=r"merges\.txt"):
        open_tokenizer(written(tmp_path / "vocab.json", {"a": 1}))
