"""What is masked, what is learned, and in which batches."""

import math

import pytest
import torch
from torch.nn import functional as F

from minigpt.datasets.batches.examples import collate_fn
from minigpt.datasets.conversations import Conversation
from minigpt.datasets.tales.instructions import instructions, preferences
from minigpt.errors import DataError
from minigpt.finetuning.supervised import (
    ExampleSampler,
    SupervisedDataset,
    fits,
    learned_tokens,
    supervised_example,
)
from minigpt.tokenizers.chat import Message, encode_chat
from minigpt.training.loss import IGNORED, language_model_loss


def test_only_answers_and_their_ends_are_learned(chat_base):
    tokenizer = chat_base.tokenizer
    messages = [
        Message("system", "Be kind."),
        Message("user", "Who?"),
        Message("assistant", "Mia."),
        Message("user", "What?"),
        Message("assistant", "kite"),
    ]
    example = supervised_example(encode_chat(messages, tokenizer))
    labels = example["labels"]
    learned = labels[labels != IGNORED]
    text = tokenizer.decode(learned, skip_special_tokens=False)
    assert text == " Mia.<eos> kite<eos>"
    shown = tokenizer.decode(example["input_ids"], skip_special_tokens=False)
    assert shown == (
        "<system> Be kind.<user> Who?<assistant> Mia.<eos><user> What?<assistant> kite"
    )


def test_the_masked_loss_is_torchs_over_the_answer_alone(chat_base, conversations):
    model, tokenizer = chat_base.model, chat_base.tokenizer
    batch = collate_fn(list(SupervisedDataset(conversations, tokenizer, 64)))
    loss = language_model_loss(model(batch["input_ids"]), batch["labels"])
    total, number = 0.0, 0
    for one in conversations:
        row = encode_chat(one.messages, tokenizer)
        ids = torch.tensor([[token for token, _ in row]])
        answer = sum(is_answer for _, is_answer in row)
        logits = model(ids[:, :-1])[0, -answer:]
        total += F.cross_entropy(logits, ids[0, -answer:], reduction="sum").item()
        number += answer
    assert loss.item() == pytest.approx(total / number, abs=1e-5)


def test_the_loss_is_shown_token_by_token(chat_base, conversations):
    model, tokenizer = chat_base.model, chat_base.tokenizer
    shown = learned_tokens(model, tokenizer, conversations[1])
    assert [token.piece for token in shown][-1] == "<eos>"
    turns = [token.piece for token in shown if token.begins_turn]
    assert turns == ["<user>", "<assistant>"]
    assert tokenizer.pieces([token.token for token in shown]) == [
        token.piece for token in shown
    ]
    assert math.isnan(shown[0].loss)
    learned = [token.loss for token in shown if token.is_learned]
    batch = collate_fn([SupervisedDataset([conversations[1]], tokenizer, 64)[0]])
    loss = language_model_loss(model(batch["input_ids"]), batch["labels"])
    assert sum(learned) / len(learned) == pytest.approx(loss.item(), abs=1e-5)


def test_a_conversation_that_is_too_long_is_named_by_its_line(chat_base):
    long = Conversation(
        (Message("user", "Who?"), Message("assistant", "kite " * 80)), "line 7"
    )
    with pytest.raises(DataError, match=r"line 7: .* max_seq_len = 64") as caught:
        SupervisedDataset([long], chat_base.tokenizer, 64)
    response = len(chat_base.tokenizer.encode("kite " * 80))
    assert f"response {response}" in str(caught.value)


def test_packed_rows_hold_the_same_answers(chat_base, conversations):
    tokenizer = chat_base.tokenizer
    padded = SupervisedDataset(conversations * 5, tokenizer, 64)
    packed = SupervisedDataset(conversations * 5, tokenizer, 64, packed=True)
    assert len(packed) < len(padded)
    assert max(len(row["input_ids"]) for row in packed) <= 64

    def answers(dataset):
        return [t for row in dataset for t in row["labels"].tolist() if t != IGNORED]

    assert answers(packed) == answers(padded)


def test_any_batch_can_be_computed_and_processes_share_it(chat_base, conversations):
    examples = SupervisedDataset(conversations, chat_base.tokenizer, 64)
    sampler = ExampleSampler(examples, 2, seed=3, collate=collate_fn)
    assert sampler.steps_per_epoch == 2
    for epoch in range(3):
        rows = [
            row[row != IGNORED].tolist()
            for step in (0, 1)
            for row in sampler.batch(2 * epoch + step)[1]
        ]
        expected = [e["labels"][e["labels"] != IGNORED].tolist() for e in examples]
        assert sorted(rows) == sorted(expected)
    whole = sampler.batch(0)[1]
    parts = [sampler.batch(0, rank, 2)[1] for rank in (0, 1)]
    assert sum(int((p != IGNORED).sum()) for p in parts) == (whole != IGNORED).sum()
    # The last batch has one example: the second process gets nothing to learn.
    assert (sampler.batch(1, 1, 2)[1] == IGNORED).all()


def test_a_window_too_small_for_every_tale_is_an_error_and_no_endless_search(
    chat_base,
):
    is_short = fits(chat_base.tokenizer, 12)
    with pytest.raises(DataError, match=r"max_seq_len = 12 .* no example of tales"):
        next(instructions(0, "train", is_short))
    with pytest.raises(DataError, match="bring shorter examples"):
        next(preferences(0, "train", fits(chat_base.tokenizer, 12)))


def test_now_and_then_too_long_is_only_left_out(chat_base, conversations):
    is_short = fits(chat_base.tokenizer, 20)
    long = Conversation((Message("user", "kite " * 40), conversations[0].messages[1]))
    for _ in range(3):
        assert not any(is_short(long) for _ in range(299))
        assert is_short(conversations[2])


def test_the_masked_loss_is_what_transformers_makes_of_the_same_labels(
    chat_base, conversations
):
    from transformers.loss.loss_utils import ForCausalLMLoss

    batch = collate_fn(list(SupervisedDataset(conversations, chat_base.tokenizer, 64)))
    inputs, labels = batch["input_ids"], batch["labels"]
    logits = chat_base.model(inputs)
    theirs = ForCausalLMLoss(
        logits, None, logits.shape[-1], shift_labels=labels, ignore_index=IGNORED
    )
    assert language_model_loss(logits, labels).item() == pytest.approx(
        theirs.item(), abs=1e-5
    )
