"""A word's tree, cut at any number of merges, is what the tokenizer gives there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigpt.errors import DataError
from minigpt.tokenizers import BPETokenizer
from minigpt.tokenizers.inspection.merge_tree import merge_tree, roots

TEXT = "low lower lowest slow slower below lowland aaaa aaa 🙂🙂 早早 " * 4


@pytest.fixture(scope="module")
def tokenizer():
    tokenizer = BPETokenizer(310)
    tokenizer.build_vocab(TEXT)
    return tokenizer


def pieces_at(nodes, merges):
    return [nodes[place].piece for place in roots(nodes, merges)]


@pytest.mark.parametrize("word", ["lowest", " slower, slowly", "aaaaaaa", "🙂早x", ""])
def test_the_roots_are_the_tokens_after_any_number_of_merges(tokenizer, word):
    nodes = merge_tree(tokenizer, word)
    for merges in range(len(tokenizer.merges) + 1):
        early = BPETokenizer.from_merges(tokenizer.merges[:merges])
        expected = [early.token_bytes(token) for token in early.encode(word)]
        assert pieces_at(nodes, merges) == expected, merges


@given(st.text("ab", max_size=30), st.text("ab", max_size=12))
def test_pairs_that_spell_the_same_make_no_difference(text, word):
    tokenizer = BPETokenizer(285)
    tokenizer.build_vocab(text + "ab")
    nodes = merge_tree(tokenizer, word)
    for merges in range(len(tokenizer.merges) + 1):
        early = tokenizer.limited_to(merges)
        expected = [early.token_bytes(token) for token in early.encode(word)]
        assert pieces_at(nodes, merges) == expected


def test_a_join_waits_for_its_parts_even_if_it_was_learned_before_them():
    pairs = ["b c", "a b", "ab c", "abc d", "a bc"]
    merges = [tuple(part.encode() for part in pair.split()) for pair in pairs]
    nodes = merge_tree(BPETokenizer.from_merges(merges), "abcd")
    assert [(node.rank, node.needed) for node in nodes[4:]] == [(0, 1), (4, 5), (3, 5)]
    assert pieces_at(nodes, 4) == [b"a", b"bc", b"d"]


def test_every_join_is_a_merge_that_was_learned(tokenizer):
    nodes = merge_tree(tokenizer, "lowest")
    for node in nodes:
        assert node.piece == b"lowest"[node.start : node.end]
        if node.parts is not None:
            left, right = (nodes[part] for part in node.parts)
            assert tokenizer.merges[node.rank] == (left.piece, right.piece)
            assert (left.end, node.start) == (right.start, left.start)


def test_half_a_character_is_refused(tokenizer):
    with pytest.raises(DataError, match="surrogate"):
        merge_tree(tokenizer, "\ud83d")
