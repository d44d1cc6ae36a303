"""A text cut into parts keeps its tokens."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt.datasets.files.split_points import documents, last_safe_cut, parts, sample
from minigpt.tokenizers import BPETokenizer, CharTokenizer, WordTokenizer

SAMPLE = (
    "One two.\n\n  \"Three\", four\n\n\nfive:\tsix \n seven\nO'Brien's\n12 34\n" * 3
)


@pytest.fixture(scope="module")
def tokenizers():
    made = [CharTokenizer(), WordTokenizer(), BPETokenizer(vocab_size=300)]
    for tokenizer in made:
        tokenizer.build_vocab(SAMPLE)
    return made


@given(st.text(alphabet="aB1.,'\"\n\n\n \t\u3000é", max_size=120), st.integers(20, 60))
@settings(max_examples=300, deadline=None)
def test_parts_have_the_tokens_of_the_whole(tokenizers, text, size):
    cut = list(parts(text, size))
    assert "".join(cut) == text
    assert all(0 < len(part) <= size for part in cut)
    place = last_safe_cut(text)
    for tokenizer in tokenizers:
        whole = tokenizer.encode(text)
        assert tokenizer.encode(text[:place]) + tokenizer.encode(text[place:]) == whole


def test_a_long_text_of_lines_is_cut_at_lines(tokenizers):
    text = SAMPLE * 50
    for tokenizer in tokenizers:
        encoded = [
            token for part in parts(text, 500) for token in tokenizer.encode(part)
        ]
        assert encoded == tokenizer.encode(text)


def test_a_text_without_white_space_is_cut_all_the_same():
    assert list(parts("字" * 25, 10)) == ["字" * 10, "字" * 10, "字" * 5]
    assert list(parts("one two three", 9)) == ["one two", " three"]


BLOCKS = st.lists(st.text(alphabet="aB. \n%é", max_size=12), max_size=12)


@given(BLOCKS, st.integers(5, 30))
@settings(max_examples=300, deadline=None)
def test_parts_do_not_depend_on_the_blocks_that_a_text_comes_in(blocks, size):
    assert list(parts(blocks, size)) == list(parts("".join(blocks), size))


@given(BLOCKS, st.sampled_from(["%", "\n\n", "%%", "aBa"]), st.integers(5, 30))
@settings(max_examples=300, deadline=None)
def test_documents_are_those_of_the_whole_text(blocks, separator, size):
    found = [""]
    for part, is_end in documents(blocks, separator, size):
        assert len(part) <= size + len(separator)
        found[-1] += part
        if is_end:
            found.append("")
    assert found == "".join(blocks).split(separator)


def test_a_sample_comes_from_all_over_a_text():
    text = "".join(f"{number:05d}\n" for number in range(20_000))
    taken = "".join(sample(text, len(text), 12_000))
    assert len(taken) == pytest.approx(12_000, rel=0.05)
    numbers = [int(line) for line in taken.split("\n") if len(line) == 5]
    assert numbers == sorted(set(numbers))
    for start in range(0, 20_000, 1000):
        assert any(start <= number < start + 1000 for number in numbers)
    assert "".join(sample(text, len(text), len(text))) == text
