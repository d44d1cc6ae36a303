"""Examples: every token is predicted once, and padding is never learned."""

import pytest
import torch
from torch.utils.data import DataLoader

from minigpt.datasets.batches.examples import PackedDataset, TextDataset, collate_fn
from minigpt.errors import DataError
from minigpt.tokenizers import BOS_ID, EOS_ID, CharTokenizer


@pytest.fixture
def tokenizer():
    made = CharTokenizer()
    made.build_vocab("abcdefghijklmnopqrstuvwxyz ")
    return made


def test_labels_are_the_inputs_one_place_further(tokenizer):
    dataset = TextDataset(["hello"], tokenizer, max_length=128)
    ids = tokenizer.encode("hello", add_bos=True, add_eos=True)
    assert dataset[0]["input_ids"].tolist() == ids[:-1]
    assert dataset[0]["labels"].tolist() == ids[1:]


@pytest.mark.parametrize("max_length", [1, 2, 3, 5, 6, 7, 100])
def test_a_long_text_is_cut_into_examples_and_no_token_is_lost(tokenizer, max_length):
    texts = ["hello world", "a", "", "abcde"]
    dataset = TextDataset(texts, tokenizer, max_length)
    predicted = [token for one in dataset for token in one["labels"].tolist()]
    asked = [t for text in texts for t in tokenizer.encode(text, add_eos=True)]
    assert predicted == asked
    assert all(len(one["input_ids"]) <= max_length for one in dataset)
    firsts = [one["input_ids"][0].item() for one in dataset]
    assert firsts.count(BOS_ID) == len(texts)
    assert predicted.count(EOS_ID) == len(texts)


def test_a_batch_is_padded_with_labels_that_the_loss_skips(tokenizer):
    dataset = TextDataset(["abc", "a"], tokenizer, 10)
    (batch,) = DataLoader(dataset, batch_size=2, collate_fn=collate_fn)
    assert batch["input_ids"].shape == batch["labels"].shape == (2, 4)
    assert batch["labels"][1].tolist() == [tokenizer.encode("a")[0], EOS_ID, -100, -100]
    assert batch["input_ids"][1, 2:].tolist() == [0, 0]
    assert batch["input_ids"].dtype == torch.long


def test_one_text_may_be_given_alone_and_none_is_refused(tokenizer):
    assert len(TextDataset("abc", tokenizer, 10)) == 1
    with pytest.raises(DataError, match="no text"):
        TextDataset([], tokenizer, 10)
    with pytest.raises(DataError, match="max_length is 0"):
        TextDataset(["abc"], tokenizer, 0)


def test_packed_windows_follow_each_other_without_overlap():
    tokens = list(range(100, 150))
    dataset = PackedDataset(tokens, context=8)
    inputs = torch.cat([one["input_ids"] for one in dataset])
    labels = torch.cat([one["labels"] for one in dataset])
    assert len(dataset) == 6
    assert inputs.tolist() == tokens[:48]
    assert labels.tolist() == tokens[1:49]


def test_packed_windows_come_in_batches_of_a_plain_loader():
    batches = list(DataLoader(PackedDataset(range(101), 10), batch_size=4))
    assert [len(batch["labels"]) for batch in batches] == [4, 4, 2]


def test_a_row_shorter_than_a_window_is_refused_with_both_numbers():
    with pytest.raises(DataError, match="8 tokens; one window needs 9"):
        PackedDataset(list(range(8)), 8)
