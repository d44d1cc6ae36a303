"""Byte pairs: the published example, the algorithm by definition, any string."""

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest
from fuzzed_strings import fuzzed_strings
from hypothesis import assume, example, given
from hypothesis import strategies as st

from minigpt.errors import CheckpointError, ConfigError, DataError
from minigpt.tokenizers import SPECIAL_TOKENS, BPETokenizer
from minigpt.tokenizers.byte_pair import definition
from minigpt.tokenizers.byte_pair.fast_cache import ChunkCache
from minigpt.tokenizers.byte_pair.merging import Merge, MergeTable
from minigpt.tokenizers.byte_pair.pretokens import (
    PATTERN,
    chunks,
    find_pretokens,
    pretokens,
)
from minigpt.tokenizers.byte_pair.training import _Words, learn_merges

TEXT = "The cat sat on the mat. The dog ate the cat's hat, and that's that! " * 3


@pytest.fixture(scope="module")
def tokenizer():
    tokenizer = BPETokenizer(330)
    tokenizer.build_vocab(TEXT)
    return tokenizer


def test_the_example_of_wikipedia():
    # https://en.wikipedia.org/wiki/Byte_pair_encoding: Z=aa, Y=ab, X=ZY
    tokenizer = BPETokenizer(263)
    tokenizer.build_vocab("aaabdaaabac")
    assert tokenizer.merges == [(b"a", b"a"), (b"a", b"b"), (b"aa", b"ab")]
    x, a, d, c = 262, *(tokenizer.encode(letter)[0] for letter in "adc")
    assert tokenizer.encode("aaabdaaabac") == [x, d, x, a, c]


def test_each_step_says_what_it_merges_and_how_often_it_occurred():
    steps = list(BPETokenizer(263).training_steps("aaabdaaabac"))
    assert [(step.rank, step.piece, step.token, step.count) for step in steps] == [
        (0, b"aa", 260, 4),
        (1, b"ab", 261, 2),
        (2, b"aaab", 262, 2),
    ]


def test_the_steps_leave_the_tokenizer_alone_and_build_vocab_takes_the_same(tokenizer):
    fresh = BPETokenizer(330)
    steps = list(fresh.training_steps(TEXT))
    assert fresh.merges == []
    assert [step.pair for step in steps] == tokenizer.merges
    assert [tokenizer.token_bytes(s.token) for s in steps] == [s.piece for s in steps]


def test_a_tokenizer_can_be_made_of_the_first_merges(tokenizer):
    early = BPETokenizer.from_merges(tokenizer.merges[:5])
    assert early.vocab_size == 265
    assert early.merges == tokenizer.merges[:5]
    assert len(early.encode(TEXT)) > len(tokenizer.encode(TEXT))
    with pytest.raises(CheckpointError, match=r"Merge 0 joins b'ab'"):
        BPETokenizer.from_merges([(b"ab", b"c")])


def test_a_limited_tokenizer_keeps_its_ids_and_forgets_the_later_merges(tokenizer):
    early = tokenizer.limited_to(5)
    made = BPETokenizer.from_merges(tokenizer.merges[:5])
    assert early.encode(TEXT) == made.encode(TEXT)
    assert early.vocab_size == tokenizer.vocab_size
    assert tokenizer.limited_to(10_000).encode(TEXT) == tokenizer.encode(TEXT)


def test_a_token_knows_the_merge_that_first_made_it(tokenizer):
    for token in range(tokenizer.vocab_size):
        rank = tokenizer.merge_rank(token)
        if rank is not None:
            assert b"".join(tokenizer.merges[rank]) == tokenizer.token_bytes(token)
    assert [tokenizer.merge_rank(token) for token in (0, 4, 260)] == [None, None, 0]


SYLLABLES = st.lists(
    st.sampled_from(["a", "b", "aa", "ab", " ", "é", "!"]), max_size=40
)


@given(st.lists(SYLLABLES.map("".join), min_size=1, max_size=4), st.integers(0, 40))
def test_fast_training_learns_the_merges_of_the_definition(texts, num_merges):
    assume(any(texts))
    steps = islice(BPETokenizer(5000).training_steps(texts), num_merges)
    assert [step.pair for step in steps] == definition.train(texts, num_merges)


@given(SYLLABLES.map("".join), SYLLABLES.map("".join), st.text(max_size=30))
def test_fast_encoding_gives_the_tokens_of_the_definition(learned, similar, other):
    merges = definition.train([learned], 30)
    fast = BPETokenizer.from_merges(merges)
    for text in (learned, similar, other):
        tokens = definition.encode(text, merges)
        assert fast.encode(text) == [token + len(SPECIAL_TOKENS) for token in tokens]
        assert definition.decode(tokens, merges) == text


def test_of_equally_frequent_pairs_the_one_with_the_smaller_ids_is_joined_first():
    # Visible bytes come first in GPT-2's order, so "b!" is before " b" and "!b".
    texts = ["b! b!b"]
    fast = [step.pair for step in BPETokenizer(5000).training_steps(texts)]
    assert fast == definition.train(texts, 10)


def test_both_agree_on_prose():
    merges = definition.train([TEXT], 70)
    tokenizer = BPETokenizer(330)
    tokenizer.build_vocab(TEXT)
    assert tokenizer.merges == merges
    tokens = [token + len(SPECIAL_TOKENS) for token in definition.encode(TEXT, merges)]
    assert tokenizer.encode(TEXT) == tokens


@given(st.text("\0\1\2", max_size=60))
def test_long_words_are_merged_as_short_ones(word):
    steps = islice(learn_merges({word: 1}, {0: b"a", 1: b"b", 2: b"c"}, 3), 20)
    merges = {}
    for step in steps:
        merges["".join(map(chr, step.pair_ids))] = Merge(step.rank, chr(step.token))
    table = MergeTable(merges)
    for other in (word, word[::-1], word * 2):
        assert table.apply_to_long(other) == table.apply(other)


def test_a_text_without_spaces_has_the_merges_of_the_definition():
    word = "".join(random.Random(0).choices("ACGT", k=1500))
    steps = islice(BPETokenizer(5000).training_steps([word, word[::-1]]), 60)
    assert [step.pair for step in steps] == definition.train([word, word[::-1]], 60)


def test_a_merge_looks_at_a_word_once_however_often_it_has_the_pair():
    class Counted(list):
        looked_at = 0

        def __getitem__(self, number):
            self.looked_at += 1
            return super().__getitem__(number)

    words = _Words({"".join(random.Random(0).choices("\0\1\2", k=3000)): 1})
    words.words = Counted(words.words)
    for step in range(20):
        words.merge(words.most_frequent_pair()[0], chr(3 + step))
    # The pair is looked for, counted and replaced: twice a merge, thrice if of twins.
    assert words.words.looked_at <= 3 * 20


def test_a_word_of_a_million_letters_is_encoded_in_seconds(tokenizer):
    text = "that" * 250_000
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.text())
def test_any_text_comes_back(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.unknown(text) == []


def test_fuzzed_strings_come_back(tokenizer):
    for text in fuzzed_strings(2000):
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_long_texts_are_cut_into_parts_without_a_trace():
    text = "".join(fuzzed_strings(30_000, seed=3))
    parts = list(pretokens(text))
    assert len(parts) > 1
    assert [piece for part in parts for piece in part] == PATTERN.findall(text)


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=30))
@example("\x1c it's 'red' \x1f  10th \x0b\x00_ ")
def test_the_pattern_for_ascii_finds_what_the_general_one_does(text):
    assert find_pretokens(text) == PATTERN.findall(text)


@given(st.text(alphabet=" \n\t\r\x1c\x85\u2003ab'sé漢1²_.🙂", max_size=20))
def test_chunks_have_the_pretokens_of_the_text(text):
    (found,) = chunks(text)
    assert "".join(found) == text
    pieces = [piece for chunk in found for piece in PATTERN.findall(chunk)]
    assert pieces == PATTERN.findall(text)


def merged_alone(tokenizer: BPETokenizer, word: str) -> tuple[int, ...]:
    vocabulary = tokenizer._vocabulary
    letters = word.encode().decode("latin-1").translate(vocabulary.alphabet)
    return tuple(map(ord, vocabulary.table.apply(letters)))


def test_words_merged_together_are_as_if_merged_alone(tokenizer):
    words = [
        *filter(None, fuzzed_strings(500, seed=8)),
        "a",
        "that",
        "a" * 9,
        "that" * 9,
    ]
    together = tokenizer._vocabulary.arrays.apply([word.encode() for word in words])
    assert together == [merged_alone(tokenizer, word) for word in words]


def test_a_text_of_new_words_has_the_tokens_of_each_word(tokenizer, monkeypatch):
    monkeypatch.setattr("minigpt.tokenizers.byte_pair.fast_cache.FEW", 0)
    text = "".join(fuzzed_strings(300, seed=4))
    new = BPETokenizer.from_merges(tokenizer.merges)
    expected = [merged_alone(new, pretoken) for pretoken in PATTERN.findall(text)]
    assert new.encode(text) == [token for tokens in expected for token in tokens]


def test_partial_characters_are_shown_as_bytes(tokenizer):
    tokens = tokenizer.encode("é🙂")
    assert tokenizer.pieces(tokens) == [
        r"\xc3", r"\xa9", r"\xf0", r"\x9f", r"\x99", r"\x82",
    ]  # fmt: skip
    assert tokenizer.decode(tokens[:1]) == "\N{REPLACEMENT CHARACTER}"


def test_special_tokens_come_from_flags_alone(tokenizer):
    tokens = tokenizer.encode("cat", add_bos=True, add_eos=True)
    assert tokens[0] == tokenizer.bos_id == 2
    assert tokens[-1] == tokenizer.eos_id == 3
    assert tokenizer.decode(tokens) == "cat"
    assert tokenizer.decode(tokens, skip_special_tokens=False) == "<bos>cat<eos>"
    assert 3 not in tokenizer.encode("<eos>")
    assert tokenizer.decode(tokenizer.encode("<eos>")) == "<eos>"


def test_rare_pairs_are_not_merged():
    tokenizer = BPETokenizer(300)
    tokenizer.build_vocab("abc abc xy", min_freq=2)
    assert all(b"x" not in left + right for left, right in tokenizer.merges)
    assert tokenizer.merges


def test_a_short_text_gives_a_smaller_vocabulary():
    tokenizer = BPETokenizer(vocab_size=5000)
    tokenizer.build_vocab(["ab"])
    assert tokenizer.get_vocab_size() == tokenizer.vocab_size == 261


def test_a_full_cache_forgets_and_goes_on(tokenizer, monkeypatch):
    monkeypatch.setattr(ChunkCache, "max_entries", 3)
    small = BPETokenizer.from_merges(tokenizer.merges)
    assert small.encode(TEXT * 2) == tokenizer.encode(TEXT * 2)
    assert len(small._cache) <= 3
    assert len(small._cache._pretokens) <= 3


def test_many_threads_share_one_tokenizer(tokenizer):
    texts = fuzzed_strings(400, seed=5)
    alone = [tokenizer.encode(text) for text in texts]
    shared = BPETokenizer.from_merges(tokenizer.merges)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(shared.encode, texts * 3)) == alone * 3


@pytest.mark.parametrize("size", [259, 0, -1, 2_000_000, 300.0, "300", True, None])
def test_an_impossible_size_is_refused(size):
    with pytest.raises(ConfigError, match="vocab_size"):
        BPETokenizer(size)


def test_bytes_alone_need_a_text_too():
    with pytest.raises(DataError, match="build_vocab"):
        BPETokenizer().encode("a")
