"""What all three kinds of tokenizer promise, and what characters and words add."""

import json

import numpy as np
import pytest
import torch
from fuzzed_strings import PARTS, fuzzed_strings
from hypothesis import given
from hypothesis import strategies as st

from minigpt.config import TokenizerConfig
from minigpt.errors import DataError
from minigpt.tokenizers import (
    BPETokenizer,
    CharTokenizer,
    SimpleTokenizer,
    WordTokenizer,
    build_tokenizer,
    load_tokenizer,
)

TEXT = 'Hello, world! How are you?\n"Fine", she said -- and you (all)?\n\n\tBye.'
KINDS = [CharTokenizer, WordTokenizer, BPETokenizer]


@pytest.fixture(params=KINDS)
def tokenizer(request):
    tokenizer = request.param()
    tokenizer.build_vocab(TEXT)
    return tokenizer


def test_a_known_text_comes_back(tokenizer):
    assert tokenizer.decode(tokenizer.encode(TEXT)) == TEXT


def test_one_text_or_several(tokenizer):
    other = type(tokenizer)()
    other.build_vocab(iter([TEXT]))
    assert other.to_dict() == tokenizer.to_dict()


def test_special_tokens_stand_at_the_ends_and_decode_skips_them(tokenizer):
    tokens = tokenizer.encode("you", add_bos=True, add_eos=True)
    assert (tokens[0], tokens[-1]) == (2, 3)
    assert tokenizer.decode([0, *tokens]) == "you"
    assert tokenizer.pieces([0, 1, 2, 3]) == ["<pad>", "<unk>", "<bos>", "<eos>"]
    assert tokenizer.encode("you") == tokens[1:-1]
    assert (tokenizer.pad_id, tokenizer.unk_id) == (0, 1)


def test_a_saved_tokenizer_is_the_same(tokenizer, tmp_path):
    file = tmp_path / "tokenizer.json"
    tokenizer.save(file)
    for loaded in (load_tokenizer(file), load_tokenizer(str(tmp_path))):
        assert type(loaded) is type(tokenizer)
        assert loaded.to_dict() == tokenizer.to_dict()
        assert loaded.vocab_size == tokenizer.vocab_size
        for text in [TEXT, *fuzzed_strings(50)]:
            assert loaded.encode(text) == tokenizer.encode(text)
    assert json.loads(file.read_text(encoding="utf-8"))["kind"] == tokenizer.kind
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer.json"]


def test_arrays_and_tensors_are_tokens_too(tokenizer):
    tokens = tokenizer.encode(TEXT)
    assert tokenizer.decode(torch.tensor(tokens)) == TEXT
    assert tokenizer.decode(np.array(tokens)) == TEXT


@pytest.mark.parametrize("wrong", [[1.5], ["a"], [None], [[1]], torch.tensor([0.5]), 7])
def test_what_is_no_token_is_refused(tokenizer, wrong):
    with pytest.raises(DataError, match="whole numbers"):
        tokenizer.decode(wrong)


@pytest.mark.parametrize("wrong", [-1, 10**9, 2**70])
def test_a_token_out_of_range_is_named(tokenizer, wrong):
    for use in (tokenizer.decode, tokenizer.pieces):
        with pytest.raises(DataError, match=f"no token {wrong}: ids go from 0 to"):
            use([4, wrong])
    with pytest.raises(DataError, match="no token"):
        tokenizer.piece(wrong)


@pytest.mark.parametrize("wrong", ["a\ud800b", "\udfff"])
def test_half_a_surrogate_pair_is_refused(tokenizer, wrong):
    place = 1 if wrong.startswith("a") else 0
    with pytest.raises(DataError, match=f"Character {place} of the text"):
        tokenizer.encode(wrong)
    with pytest.raises(DataError, match="surrogate"):
        type(tokenizer)().build_vocab(["fine", wrong])


@pytest.mark.parametrize("wrong", [b"bytes", None, 7, ["list"]])
def test_only_text_is_encoded(tokenizer, wrong):
    with pytest.raises(DataError, match="must be a str"):
        tokenizer.encode(wrong)


@pytest.mark.parametrize("wrong", ["", [], [""], ["", ""]])
def test_a_vocabulary_needs_text(tokenizer, wrong):
    with pytest.raises(DataError, match="no text"):
        tokenizer.build_vocab(wrong)


@pytest.mark.parametrize("wrong", [b"bytes", None, 7, [b"bytes"], ["a", 7]])
def test_a_vocabulary_is_of_text(tokenizer, wrong):
    with pytest.raises(DataError, match="must be"):
        tokenizer.build_vocab(wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_vocabulary_the_remedy_is_named(kind, tmp_path):
    for use in (kind().encode, lambda _: kind().save(tmp_path / "x.json")):
        with pytest.raises(DataError, match="call build_vocab"):
            use("a")


def test_building_again_forgets_what_was_known(tokenizer):
    tokenizer.build_vocab("zebra")
    again = type(tokenizer)()
    again.build_vocab("zebra")
    assert tokenizer.to_dict() == again.to_dict()


@pytest.mark.parametrize("kind", ["char", "word", "bpe"])
def test_a_configuration_makes_each_kind(kind):
    made = build_tokenizer(TokenizerConfig(kind=kind, vocab_size=270, min_freq=2), TEXT)
    assert made.kind == kind
    assert made.encode("you")
    assert kind != "bpe" or made.vocab_size == 270


def test_characters_are_numbered_by_code_point_after_the_special_ones():
    tokenizer = CharTokenizer()
    tokenizer.build_vocab(["ba", "éa"])
    assert tokenizer.encode("abé") == [4, 5, 6]
    assert tokenizer.get_vocab_size() == 7


def test_rare_characters_become_unknown():
    tokenizer = CharTokenizer()
    tokenizer.build_vocab(["aab", "b", "c"], min_freq=2)
    assert tokenizer.encode("abc") == [4, 5, 1]
    assert tokenizer.unknown("cacX!X") == ["c", "X", "!"]
    assert tokenizer.decode([4, 1, 5]) == "ab"
    assert tokenizer.decode([4, 1], skip_special_tokens=False) == "a<unk>"


def test_words_and_marks_are_tokens_and_usual_spaces_are_not():
    text = "Hello, world! How are you?"
    tokenizer = SimpleTokenizer()
    tokenizer.build_vocab(text)
    tokens = tokenizer.encode(text)
    assert tokenizer.pieces(tokens) == [
        "Hello", ",", "world", "!", "How", "are", "you", "?",
    ]  # fmt: skip
    assert tokenizer.decode(tokens) == text


def test_unusual_spaces_are_tokens():
    tokenizer = WordTokenizer()
    tokenizer.build_vocab("x + 1 , y")
    pieces = tokenizer.pieces(tokenizer.encode("x+1 ,  y "))
    assert pieces == ["x", "⁀", "+", "⁀", "1", " ", ",", " ", " ", "y", " "]


def test_the_joint_may_be_read_from_a_text_without_being_one():
    tokenizer = WordTokenizer()
    tokenizer.build_vocab("a ⁀ b")
    assert tokenizer.decode(tokenizer.encode("a⁀b ⁀")) == "a⁀b ⁀"


def test_rare_and_new_words_become_unknown_and_are_named():
    tokenizer = WordTokenizer()
    tokenizer.build_vocab("the cat the dog the cat", min_freq=2)
    assert tokenizer.unknown("the dog, the bird, the dog") == ["dog", ",", "bird"]
    assert tokenizer.decode(tokenizer.encode("the dog the cat")) == "the the cat"
    assert (
        tokenizer.decode(tokenizer.encode("the dog"), skip_special_tokens=False)
        == "the <unk>"
    )


def test_words_keep_apostrophes_and_accents_and_emoji_whole():
    tokenizer = WordTokenizer()
    tokenizer.build_vocab("don't cafe\u0301 👩‍👩‍👧")
    assert tokenizer.pieces(tokenizer.encode("don't cafe\u0301 👩‍👩‍👧")) == [
        "don't", "cafe\u0301", "👩‍👩‍👧",
    ]  # fmt: skip


def test_frequent_words_have_low_numbers():
    tokenizer = WordTokenizer()
    tokenizer.build_vocab("b a c a")
    assert tokenizer.pieces(range(6, 9)) == ["a", "b", "c"]


@pytest.mark.parametrize("kind", [CharTokenizer, WordTokenizer])
@given(texts=st.lists(st.lists(st.sampled_from(PARTS), max_size=12).map("".join)))
def test_nothing_known_is_lost(kind, texts):
    tokenizer = kind()
    tokenizer.build_vocab(["some text", *texts])
    for text in texts:
        assert tokenizer.unknown(text) == []
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_shakespeare_comes_back_word_for_word(shakespeare_path):
    text = shakespeare_path.read_text(encoding="utf-8")
    tokenizer = WordTokenizer()
    tokenizer.build_vocab(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
