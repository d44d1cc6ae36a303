"""A draw taken apart is the draw that was made, and each stage is transformers'."""

import numpy as np
import pytest
import torch
from transformers import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from minigpt.config import GenerationConfig
from minigpt.errors import ConfigError
from minigpt.generation import Sampler
from minigpt.generation.opened_draw import open_draw
from minigpt.model import TransformerLM

PROMPT = [3, 1, 4, 1, 5]
SETTINGS = GenerationConfig(
    temperature=1.4, repetition_penalty=1.3, top_k=25, top_p=0.9, min_p=0.02, seed=8
)


@pytest.fixture(scope="module")
def model() -> TransformerLM:
    """Return a small model that is unsure, but not of everything alike."""
    torch.manual_seed(0)
    model = TransformerLM(
        vocab_size=60, d_model=16, num_layers=2, num_heads=2, max_seq_len=24
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return model.eval().requires_grad_(False)


def test_every_stage_is_transformers_processor_run_on_the_one_before(model):
    opened = open_draw(model, PROMPT, SETTINGS, written=[7, 7])
    processors = [
        RepetitionPenaltyLogitsProcessor(1.3),
        TemperatureLogitsWarper(1.4),
        TopKLogitsWarper(25),
        TopPLogitsWarper(0.9),
        MinPLogitsWarper(0.02),
    ]
    text = torch.tensor([[*PROMPT, 7, 7]])
    logits = model(text)[:, -1]
    assert len(opened.stages) == 1 + len(processors)
    for stage, process in zip(opened.stages, [None, *processors], strict=True):
        before = logits.softmax(-1)
        if process is not None:
            logits = process(text, logits)
        gone = torch.isneginf(logits)
        np.testing.assert_allclose(stage.logits, logits[0], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(
            stage.probabilities, logits[0].softmax(-1), rtol=1e-4, atol=1e-6
        )
        assert stage.kept == int((~gone).sum())
        assert stage.removed == pytest.approx(float(before[gone].sum()), abs=1e-5)
    kept = [stage.kept for stage in opened.stages]
    assert kept == sorted(kept, reverse=True)
    assert kept[-1] < kept[3] < 60  # top-p and min-p had something left to remove


@pytest.mark.parametrize("strategy", ["sampling", "greedy"])
def test_the_token_is_the_one_that_is_written_after_the_same_text(model, strategy):
    config = SETTINGS.replace(strategy=strategy, max_new_tokens=12)
    sampler = Sampler(model, PROMPT, config)
    written: list[int] = []
    while not sampler.is_done:
        opened = open_draw(model, PROMPT, config, written)
        written.append(sampler.draw().token)
        assert opened.token == written[-1]


def test_the_first_to_arrive_is_the_token_that_comes(model):
    for seed in range(30):
        opened = open_draw(model, PROMPT, SETTINGS.replace(seed=seed))
        assert int(np.argmin(opened.arrivals)) == opened.token
        assert np.isinf(opened.arrivals[opened.stages[-1].probabilities == 0]).all()


def test_the_race_draws_every_token_as_often_as_its_probability_says(model):
    draws = [open_draw(model, PROMPT, SETTINGS.replace(seed=n)) for n in range(600)]
    shares = np.bincount([draw.token for draw in draws], minlength=60) / len(draws)
    expected = draws[0].stages[-1].probabilities
    # Three standard errors of a share of 600 draws.
    error = 3 * np.sqrt(expected * (1 - expected) / len(draws))
    assert (np.abs(shares - expected) <= error + 1e-9).mean() > 0.95


def test_greedy_throws_no_dice_and_a_forced_text_is_read(model):
    greedy = GenerationConfig(strategy="greedy")
    opened = open_draw(model, PROMPT, greedy, written=[9])
    assert opened.waits is None
    assert opened.arrivals is None
    assert opened.token == int(model(torch.tensor([[*PROMPT, 9]]))[0, -1].argmax())


def test_a_text_longer_than_the_window_says_what_the_model_still_reads(model):
    opened = open_draw(model, PROMPT, SETTINGS, written=[2] * 25)
    assert len(opened.text) == 30
    assert opened.read == opened.text[-len(opened.read) :]
    logits = model(torch.tensor([opened.read]))[0, -1]
    np.testing.assert_allclose(opened.stages[0].logits, logits, rtol=1e-3, atol=1e-3)


def test_the_token_that_comes_is_always_among_those_shown(model):
    unlikely = SETTINGS.replace(temperature=50.0, top_k=None, top_p=None, min_p=None)
    for seed in range(20):
        opened = open_draw(model, PROMPT, unlikely.replace(seed=seed))
        shown = opened.shown(5)
        assert len(shown) == 5
        assert opened.token in shown
        assert shown[0] == int(opened.stages[0].probabilities.argmax())


def test_beam_search_draws_nothing(model):
    with pytest.raises(ConfigError, match="draws no tokens"):
        open_draw(model, PROMPT, GenerationConfig(strategy="beam"))
