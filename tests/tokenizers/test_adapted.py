"""Tokenizers of other kinds, run by `tokenizers`, are tokenizers like ours."""

import json
import sys

import pytest
import tokenizers
from fuzzed_strings import fuzzed_strings
from pretrained.tokenizer_forms import ADAPTED, TEXT, sentencepiece, wordpiece, words

from minigpt.config import TokenizerConfig
from minigpt.errors import CheckpointError, ConfigError, DataError
from minigpt.tokenizers import (
    AdaptedTokenizer,
    BPETokenizer,
    build_tokenizer,
    load_tokenizer,
)
from minigpt.tokenizers.chat import encode_chat, with_chat_tokens
from minigpt.tokenizers.inspection.token_bytes import close_up
from minigpt.tokenizers.storage import exported, open_tokenizer

STRINGS = [
    *("It was", " the  worst", "naïve 你好 🙂", "Don't", " ", "", "a\n\n b</s><unk>"),
    *fuzzed_strings(60, seed=3),
]


@pytest.fixture(scope="module", params=ADAPTED, ids=lambda form: form.__name__)
def pair(request, tmp_path_factory):
    """One of their tokenizers, and ours that was read from its file."""
    theirs = request.param()
    path = tmp_path_factory.mktemp("theirs") / "tokenizer.json"
    theirs.save(str(path))
    theirs.encode_special_tokens = True
    ours = open_tokenizer(path)
    assert type(ours) is AdaptedTokenizer
    return theirs, ours


def ids_of(theirs, with_ends=False):
    encoded = theirs.encode_batch(STRINGS, add_special_tokens=with_ends)
    return [each.ids for each in encoded]


def test_ids_and_texts_are_those_of_tokenizers(pair):
    theirs, ours = pair
    assert [ours.encode(text) for text in STRINGS] == ids_of(theirs)
    for ids in ids_of(theirs):
        assert ours.decode(ids, skip_special_tokens=False) == theirs.decode(ids, False)
        assert len(close_up(ours, ids)) == len(ids)
    processor = json.loads(theirs.to_str())["post_processor"]
    single = processor["single"] if processor else [{}]
    ends = {
        "add_bos": "SpecialToken" in single[0],
        "add_eos": "SpecialToken" in single[-1],
    }
    assert [ours.encode(text, **ends) for text in STRINGS] == ids_of(theirs, True)


def test_it_is_kept_in_our_file_and_written_for_others(pair, tmp_path):
    theirs, ours = pair
    ours.save(tmp_path / "ours.json")
    again = load_tokenizer(tmp_path / "ours.json")
    assert again.to_dict() == ours.to_dict()
    assert [again.encode(text) for text in STRINGS] == ids_of(theirs)
    (tmp_path / "theirs.json").write_bytes(exported(again))
    third = tokenizers.Tokenizer.from_file(str(tmp_path / "theirs.json"))
    third.encode_special_tokens = True
    assert ids_of(third) == ids_of(theirs)


def test_every_id_has_a_piece_and_those_that_nothing_has_are_unused(pair):
    theirs, ours = pair
    pieces = ours.pieces(range(ours.vocab_size))
    ids = set(theirs.get_vocab().values())
    unused = [
        token for token, piece in enumerate(pieces) if piece.startswith("<unused")
    ]
    assert unused == sorted(set(range(ours.vocab_size)) - ids)
    assert ours.decode(unused) == ""
    with pytest.raises(DataError, match="no token"):
        ours.piece(ours.vocab_size)


def test_a_conversation_can_be_written(pair):
    _, ours = pair
    chat = with_chat_tokens(ours)
    row = encode_chat([("user", "the times"), ("assistant", "worst")], chat)
    tokens = [token for token, _ in row]
    assert tokens[0] >= ours.vocab_size
    assert chat.decode(tokens, skip_special_tokens=False).startswith("<user>")
    assert type(chat).from_dict(chat.to_dict()).to_dict() == chat.to_dict()


def test_pieces_are_shown_as_text():
    path_of = AdaptedTokenizer(json.loads(sentencepiece().to_str()))
    ids = path_of.encode("the é🙂")
    assert "".join(path_of.pieces(ids)).startswith(" the ")
    assert path_of.pieces(ids)[-1] == "\\x82"
    assert AdaptedTokenizer(json.loads(words().to_str())).unknown("It was odd") == [
        "odd"
    ]


def test_without_the_library_the_remedy_is_named(tmp_path, monkeypatch):
    wordpiece().save(str(tmp_path / "tokenizer.json"))
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(CheckpointError, match="pip install tokenizers"):
        open_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"type": "Nonsense"}, "cannot read it"),
        ({"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "b"]]}, "cannot read it"),
        ({"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": 0.1}, "each time"),
        ({"type": "BPE", "vocab": {"a": 10**7}, "merges": []}, "limit"),
        ({"type": "BPE", "vocab": {}, "merges": []}, "limit|at least"),
    ],
)
def test_what_nobody_can_read_is_refused_in_one_line(model, words, tmp_path):
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model}))
    with pytest.raises(CheckpointError, match=words) as error:
        open_tokenizer(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"tokenizer": []},
        {"tokenizer": {}},
        {"roles": {"eos_id": "3"}},
        {"roles": {"eos_id": 10**6}},
        {"roles": {"more": 1}},
        {"added": ["a", "a"]},
    ],
)
def test_a_damaged_file_of_ours_is_refused(change):
    fields = AdaptedTokenizer(json.loads(words().to_str())).to_dict()
    with pytest.raises(CheckpointError):
        AdaptedTokenizer.from_dict(fields | change)


def test_it_learns_nothing():
    ours = AdaptedTokenizer(json.loads(words().to_str()))
    with pytest.raises(DataError, match="BPETokenizer"):
        ours.build_vocab("text")
    with pytest.raises(ConfigError, match="comes with its model"):
        build_tokenizer(TokenizerConfig(kind="adapted"), "text")


def test_byte_pairs_are_still_ours(tmp_path):
    ours = BPETokenizer(270)
    ours.build_vocab(TEXT)
    ours.save_huggingface(tmp_path)
    assert type(open_tokenizer(tmp_path)) is BPETokenizer
