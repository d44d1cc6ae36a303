"""A text is read as it is, split, and encoded; what cannot be used is said clearly."""

import hashlib

import pytest

from minigpt.config import DataConfig, TokenizerConfig
from minigpt.datasets.corpus import (
    clean_text,
    load_text,
    prepare_corpus,
    read_text,
    split_text,
)
from minigpt.datasets.encoding import encode_corpus
from minigpt.datasets.tales.story import STORY_END
from minigpt.errors import DataError
from minigpt.tokenizers import CharTokenizer

CHAR = TokenizerConfig(kind="char")


def test_a_text_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "a.txt"
    text = "naïve café\n\t😀 e\u0301\n\n trailing \n"
    path.write_bytes(text.encode())
    assert read_text(path) == text
    assert read_text(str(path)) == text


def test_windows_and_mac_files_read_like_any_other(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert read_text(path) == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b" \n\t\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"good \xff\xfe bad", "byte 5 is 0xff"),
        ("café".encode("latin-1"), "byte 3 is 0xe9"),
        ("text".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04\x00\x00", "byte 4 is zero"),
    ],
)
def test_what_is_no_text_is_refused_with_the_reason(tmp_path, content, says):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        read_text(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_directory_are_told_apart(tmp_path):
    with pytest.raises(DataError, match="no file"):
        read_text(tmp_path / "missing.txt")
    with pytest.raises(DataError, match="directory"):
        read_text(tmp_path)
    with pytest.raises(DataError, match="Cannot read"):
        read_text("a\0b")


def test_cleaning_makes_a_text_plainer_and_a_second_time_changes_nothing():
    messy = "  Cafe\u0301\u00a0au\u200b lait \r\n\r\n\r\n\r\n\tx\x07\x1b[0m\u2028y\r"
    clean = clean_text(messy)
    assert clean == "Café au lait\n\n\tx[0m\ny\n"
    assert clean_text(clean) == clean
    assert clean_text(" \n") == ""


def test_the_validation_part_is_the_end_of_the_text():
    text = "".join(chr(97 + i % 26) for i in range(1000))
    train, validation = split_text(text, 0.1)
    assert train + validation == text
    assert len(validation) == 100


def test_a_corpus_holds_every_token_and_the_fingerprint_of_its_text(tmp_path):
    text = "the cat sat on the mat. " * 100
    path = tmp_path / "a.txt"
    path.write_text(text, encoding="utf-8")
    data = DataConfig(source=str(path), validation_fraction=0.2)
    corpus, tokenizer = prepare_corpus(data, None, CHAR, context=16)
    train, validation = corpus.train_tokens, corpus.validation_tokens
    assert tokenizer.decode(train) + tokenizer.decode(validation) == text
    assert corpus.num_characters == len(text)
    assert corpus.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_the_tokenizer_never_sees_the_validation_part(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("ab" * 450 + "z" * 100, encoding="utf-8")
    data = DataConfig(source=str(path), validation_fraction=0.1)
    corpus, tokenizer = prepare_corpus(data, None, CHAR, context=16)
    assert tokenizer.unknown("abz") == ["z"]
    assert set(corpus.validation_tokens.tolist()) == {1}
    other = CharTokenizer()
    other.build_vocab("abz")
    corpus, same = prepare_corpus(data, other, CHAR, context=16)
    assert same is other
    assert 1 not in corpus.validation_tokens.tolist()


def test_a_text_shorter_than_a_window_is_refused_with_the_numbers(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("tiny text!", encoding="utf-8")
    with pytest.raises(DataError, match=r"10 characters.* 9 tokens.* 1 .*needs 65"):
        prepare_corpus(DataConfig(source=str(path)), None, CHAR, context=64)


@pytest.mark.parametrize("kind", ["char", "word", "bpe"])
def test_tales_is_a_corpus_for_every_kind_of_tokenizer(kind):
    data = DataConfig(tales_megabytes=0.05)
    config = TokenizerConfig(kind=kind, vocab_size=300)
    corpus, tokenizer = prepare_corpus(data, None, config, context=64)
    assert int(corpus.train_tokens.max()) < tokenizer.vocab_size
    text = tokenizer.decode(corpus.train_tokens[:40])
    assert load_text(data).startswith(text)


def test_every_tale_ends_with_the_end_of_text_and_no_letter_is_lost():
    data = DataConfig(tales_megabytes=0.05)
    corpus, tokenizer = prepare_corpus(data, None, CHAR, context=64)
    tokens = corpus.train_tokens.tolist()
    text = split_text(load_text(data), data.validation_fraction)[0]
    assert tokenizer.decode(tokens) == text
    stories = [tokenizer.decode(ids) for ids in cut_at(tokens, tokenizer.eos_id)]
    assert [s.removeprefix(STORY_END) for s in stories] == text.split(STORY_END)[:-1]


def test_a_files_documents_end_where_its_separator_stands(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("one two%three%" * 40, encoding="utf-8")
    data = DataConfig(source=str(path), document_separator="%")
    corpus, tokenizer = prepare_corpus(data, None, CHAR, context=16)
    documents = cut_at(corpus.train_tokens.tolist(), tokenizer.eos_id)
    assert [tokenizer.decode(ids) for ids in documents[:3]] == [
        "one two",
        "%three",
        "%one two",
    ]


def cut_at(tokens: list[int], end: int) -> list[list[int]]:
    documents: list[list[int]] = [[]]
    for token in tokens:
        if token == end:
            documents.append([])
        else:
            documents[-1].append(token)
    return documents[:-1]


def test_a_long_text_is_encoded_as_if_in_one_piece(shakespeare_path):
    text = read_text(shakespeare_path)
    tokenizer = CharTokenizer()
    tokenizer.build_vocab(text)
    assert encode_corpus(
        tokenizer, text, DataConfig(source="a file")
    ).tolist() == tokenizer.encode(text)
    assert len(text) == 1_115_394
