"""What is longer than the window is left out, counted, and told with its line."""

import pytest

from minigpt.datasets.conversations import Conversation, Preference
from minigpt.errors import DataError
from minigpt.finetuning.fitting import leave_out_long
from minigpt.tokenizers import CharTokenizer
from minigpt.tokenizers.chat import Message, with_chat_tokens

WINDOW = 16


@pytest.fixture(scope="module")
def tokenizer():
    plain = CharTokenizer()
    plain.build_vocab("abc ?")
    return with_chat_tokens(plain)


def conversation(length, where):
    turns = (Message("user", "a?"), Message("assistant", "b" * length))
    return Conversation(turns, where)


def test_an_example_of_exactly_the_window_is_kept_and_a_longer_one_is_not(tokenizer):
    # <user> a ? <assistant> b… <eos>: five tokens besides the answer, one only a label.
    longest = WINDOW + 1 - 5
    examples = [conversation(n, f"line {n}") for n in (1, longest, longest + 1, 99)]
    found = leave_out_long(examples, tokenizer, WINDOW)
    assert found.kept == examples[:2]
    assert found.lengths == [6, WINDOW + 1]
    assert found.remark == (
        "2 of 4 examples are longer than max_seq_len = 16 tokens and left out, the "
        f"first in line {longest + 1}."
    )
    assert leave_out_long(examples[:2], tokenizer, WINDOW).remark == ""


def test_a_pair_is_left_out_if_one_answer_is_too_long(tokenizer):
    prompt = (Message("user", "a?"),)
    short = Preference(prompt, "b", "c", "line 1")
    long = Preference(prompt, "b", "c" * 99, "line 2")
    found = leave_out_long([short, long], tokenizer, WINDOW)
    assert found.kept == [short]
    assert "the first in line 2" in found.remark


def test_where_none_fits_the_first_is_told_with_its_length(tokenizer):
    with pytest.raises(DataError, match=r"line 7: .* 103 tokens .* max_seq_len = 16"):
        leave_out_long([conversation(99, "line 7")], tokenizer, WINDOW)
