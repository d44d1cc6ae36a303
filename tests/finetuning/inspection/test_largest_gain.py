"""Where the Fine-tuning page opens: the answer that gained most, and a lot."""

import math
from itertools import islice
from pathlib import Path

import pytest
import torch

from minigpt.checkpoint import load_checkpoint
from minigpt.datasets.tales.instructions import instructions
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.inspection.largest_gain import answer_log_prob, largest_gain
from minigpt.tokenizers.chat import encode_chat

MODELS = Path(__file__).parents[3] / "data" / "models"


def test_an_answers_log_probability_is_the_sum_over_its_tokens(
    chat_base, conversations
):
    for one in conversations:
        row = encode_chat(one.messages, chat_base.tokenizer)
        ids = torch.tensor([[token for token, _ in row]])
        with torch.inference_mode():
            log_p = chat_base.model(ids[:, :-1])[0].log_softmax(-1)
        expected = sum(
            float(log_p[place - 1, token])
            for place, (token, is_answer) in enumerate(row)
            if is_answer
        )
        assert answer_log_prob(chat_base, one) == pytest.approx(expected, abs=1e-4)


def test_of_what_ships_an_answer_became_a_thousand_times_likelier():
    before = ready_to_chat(load_checkpoint(MODELS / "tales"))
    after = load_checkpoint(MODELS / "tales-chat")
    some = sorted(
        islice(instructions(0, "held_out"), 60),
        key=lambda one: sum(len(turn.content) for turn in one.messages),
    )[:12]
    gain = largest_gain(before, after, some)
    assert gain.nats >= math.log(1000)
    assert math.exp(gain.after) >= 0.1, "an answer that would hardly be given"
    assert all(
        math.exp(answer_log_prob(after, one)) - math.exp(answer_log_prob(before, one))
        <= gain.rise
        for one in some
    )
