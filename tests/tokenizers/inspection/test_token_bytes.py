"""A token seen close up, and a word under two tokenizers, as encoding gives them."""

import pytest

from minigpt.errors import DataError
from minigpt.tokenizers import BPETokenizer, CharTokenizer, WordTokenizer
from minigpt.tokenizers.inspection.splits import split_word, widest_gap
from minigpt.tokenizers.inspection.token_bytes import close_up

STORY, PROGRAM = "a red kite and a kite. " * 9, "import x\nimport y\n" * 9


def trained(tokenizer, text):
    tokenizer.build_vocab(text)
    return tokenizer


def test_bytes_and_ranks_are_the_tokenizers_own():
    tokenizer = trained(BPETokenizer(300), STORY)
    ids = tokenizer.encode("a kite é", add_bos=True)
    seen = close_up(tokenizer, ids)
    assert [each.token for each in seen] == ids
    assert seen[0].spelling is seen[0].rank is None
    assert b"".join(each.spelling for each in seen[1:]) == "a kite é".encode()
    for each in seen[1:]:
        made = None if each.rank is None else b"".join(tokenizer.merges[each.rank])
        assert made in (None, each.spelling)
        assert (made is None) == (len(each.spelling) == 1)


@pytest.mark.parametrize("tokenizer", [CharTokenizer(), WordTokenizer()])
def test_pieces_that_no_merge_made_have_no_rank(tokenizer):
    ids = trained(tokenizer, STORY).encode("a kite zzz")
    seen = close_up(tokenizer, ids)
    assert [each.piece for each in seen] == tokenizer.pieces(ids)
    assert all(each.rank is None for each in seen)
    assert seen[-1].spelling is None  # <unk>


def test_a_token_that_does_not_exist_is_refused():
    with pytest.raises(DataError, match="no token 999"):
        close_up(trained(CharTokenizer(), "ab"), [999])


def test_a_word_is_cut_as_it_stands_in_a_text():
    tokenizer = trained(BPETokenizer(300), STORY)
    assert split_word(tokenizer, "kite") == [" kite"]
    assert split_word(trained(WordTokenizer(), STORY), "kite") == ["kite"]


def test_the_widest_gap_is_where_the_numbers_of_tokens_differ_most():
    one, other = (trained(BPETokenizer(300), text) for text in (STORY, PROGRAM))
    gap = widest_gap(one, other, ["a", "kite", "import"])
    assert gap.word == "import"
    assert (gap.one, gap.other) == (split_word(one, "import"), [" ", "import"])
    assert widest_gap(one, one, ["a", "kite"]) is None
    assert widest_gap(one, other, []) is None
