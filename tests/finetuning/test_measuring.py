"""What is measured, on models whose answers are known beforehand."""

from itertools import islice

import pytest
import torch

from minigpt.checkpoint import Checkpoint, CheckpointMetadata
from minigpt.datasets.conversations import Preference
from minigpt.datasets.tales.instructions import questions
from minigpt.datasets.tales.story import generate_tales
from minigpt.finetuning import measuring
from minigpt.finetuning.answering import reply
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.supervised import fits
from minigpt.model import create_model
from minigpt.tokenizers import WordTokenizer
from minigpt.tokenizers.chat import Message, encode_chat


@pytest.fixture(scope="module")
def base():
    """Return an untrained model that can read a story."""
    tokenizer = WordTokenizer()
    tokenizer.build_vocab(generate_tales(300_000) + generate_tales(50_000, 0, "new"))
    torch.manual_seed(0)
    model = create_model(
        "transformer",
        vocab_size=tokenizer.vocab_size,
        d_model=16,
        num_layers=1,
        num_heads=2,
        max_seq_len=256,
    ).eval()
    metadata = CheckpointMetadata(
        model_type="transformer", model=model.config.to_dict()
    )
    return Checkpoint(model, tokenizer, metadata)


@pytest.fixture(scope="module")
def overfitted(base):
    """Return a model that learned six answers by heart, and those questions."""
    chat = ready_to_chat(base)
    model = chat.model.train().requires_grad_(True)
    asked = list(islice(questions(5, fits=fits(chat.tokenizer, 200)), 6))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        for one in asked:
            said = Message("assistant", one.bare)
            row = encode_chat([*one.prompt, said], chat.tokenizer)
            ids = torch.tensor([[token for token, _ in row]])
            number = sum(is_answer for _, is_answer in row)
            logits = model(ids[:, :-1])[0, -number:]
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(logits, ids[0, -number:]).backward()
            optimizer.step()
    return Checkpoint(model.eval(), chat.tokenizer, base.metadata), asked


def test_exact_match_counts_right_answers_beside_two_baselines(base, overfitted):
    tuned, asked = overfitted
    assert all(
        one.is_answered_by(reply(tuned.model, tuned.tokenizer, one.prompt))
        for one in asked
    )
    rows = measuring.exact_match(tuned, base, asked)
    assert sum(row.tuned.number for row in rows) == 6
    assert all(row.tuned.share == 1.0 for row in rows)
    assert all(row.base.share < 0.5 for row in rows)
    assert all(0.0 <= row.without_reading <= 1.0 for row in rows)


def test_margins_are_won_by_the_model_that_learned_the_answers(overfitted, base):
    tuned, asked = overfitted
    pairs = [
        Preference(one.prompt, one.bare, f"{other}.", "truth")
        for one in asked
        for other in sorted(set(one.question.candidates) - {one.question.answer})[:1]
    ]
    before = ready_to_chat(base)
    (row,) = measuring.reward_margins(tuned, before, pairs)
    assert (row.kind, row.wins.share) == ("truth", 1.0)
    assert row.margin > 1.0
    (none,) = measuring.reward_margins(before, before, pairs)
    assert none.margin == pytest.approx(0.0, abs=1e-5)


def test_a_base_is_asked_as_a_story_asks(base):
    asked = next(questions(0))
    text = measuring.answer(base, asked)
    assert isinstance(text, str)
    assert '"' not in text


def test_everything_at_once(base):
    measured = measuring.measure(ready_to_chat(base), base, number=4)
    assert sum(row.tuned.number for row in measured.exact_match) == 4
    assert sum(row.tuned.number for row in measured.new_words) == 4
    assert {row.kind for row in measured.margins} == {"style", "truth", "ending"}
    # The base gains the same chat tokens, so nothing is between the two.
    assert all(row.margin == pytest.approx(0.0, abs=1e-5) for row in measured.margins)
    # Three tokens more to choose from cost a little, and nothing was learned.
    assert measured.plain_loss == pytest.approx(measured.plain_loss_before, abs=0.05)
