"""tiktoken's files of ranks: the ids are those that tiktoken gives."""

import random

import pytest
import tiktoken
from pretrained.tokenizer_forms import ranks_of, write_ranks

from minigpt.errors import CheckpointError
from minigpt.tokenizers import BPETokenizer
from minigpt.tokenizers.byte_pair.rank_file import _KNOWN

TEXTS = [
    *("The cat sat on the mat.", "I'M 12345 y'all", "naïve 你好 🙂", " a\n\n  b \t c"),
    "".join(random.Random(1).choices("aeiou nst\n", k=3000)),
]


@pytest.mark.parametrize("published", _KNOWN)
def test_ranks_give_the_ids_of_tiktoken(published, tmp_path, monkeypatch):
    pattern, names = _KNOWN[published]
    size = 5000  # a tenth of theirs is as good, and read in a tenth of the time
    monkeypatch.setitem(_KNOWN, size, (pattern, names))
    ranks = ranks_of(size)
    special = {name: size + number for number, name in enumerate(names)}
    theirs = tiktoken.Encoding(
        "x", pat_str=pattern, mergeable_ranks=ranks, special_tokens=special
    )
    ours = BPETokenizer.from_pretrained(write_ranks(tmp_path / "x.tiktoken", ranks))
    for text in TEXTS:
        tokens = theirs.encode_ordinary(text)
        assert ours.encode(text) == tokens
        assert ours.decode(tokens) == text
    assert ours.special_tokens == {rank: name for name, rank in special.items()}
    ends = {50256: "<|endoftext|>", 128000: "<|end_of_text|>"}
    assert ours.eos_id == special.get(ends.get(published))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("IQ== 0\nIg== 1\n", "has 2 ranks, and does not say which pattern"),
        ("IQ== 0\nI 1\n", "line 2 is 'I 1', no token in base64"),
        ("IQ== first\n", "line 1"),
        ("", "has 0 ranks"),
    ],
)
def test_other_files_are_refused_in_one_line(content, words, tmp_path):
    (tmp_path / "x.tiktoken").write_text(content)
    with pytest.raises(CheckpointError, match=words) as error:
        BPETokenizer.from_pretrained(tmp_path / "x.tiktoken")
    assert "\n" not in str(error.value)
