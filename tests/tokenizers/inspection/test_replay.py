"""A replay goes through the merges as they were learned: each step is a vocabulary."""

import pytest

from minigpt.datasets import generate_tales
from minigpt.tokenizers import BPETokenizer
from minigpt.tokenizers.inspection.merge_tree import merge_tree
from minigpt.tokenizers.inspection.replay import replay


@pytest.fixture(scope="module")
def tokenizer():
    made = BPETokenizer(700)
    made.build_vocab(generate_tales(60_000))
    return made


@pytest.mark.parametrize(
    "text", ["Once upon a time there was a girl", "aaaa aaaa 🙂", "", "the the the"]
)
def test_after_each_step_the_pieces_are_those_of_so_many_merges(tokenizer, text):
    nodes = merge_tree(tokenizer, text)
    row = [place for place, node in enumerate(nodes) if node.parts is None]
    for step in replay(nodes):
        for made in step.made:
            left, right = nodes[made].parts
            place = row.index(left)
            assert row[place + 1] == right
            row[place : place + 2] = [made]
        early = tokenizer.limited_to(step.needed)
        expected = [early.token_bytes(token) for token in early.encode(text)]
        assert [nodes[place].piece for place in row] == expected
    whole = [tokenizer.token_bytes(token) for token in tokenizer.encode(text)]
    assert [nodes[place].piece for place in row] == whole


def test_a_merge_joins_all_of_its_places_in_one_step(tokenizer):
    steps = replay(merge_tree(tokenizer, "the the the"))
    assert len({step.rank for step in steps}) == len(steps)
    assert max(len(step.made) for step in steps) >= 2
