"""Texts of one model share a decoder, for as long as its weights stay as they are."""

import gc
import weakref

import pytest
import torch

from minigpt.config import LoraConfig, TrainConfig
from minigpt.generation.fast_sharing import WORTH_COPIES, shared_decoder
from minigpt.model import TransformerLM
from minigpt.model.lora import add_lora
from minigpt.training.optimizer import build_optimizer

LONG = WORTH_COPIES


def small_model() -> TransformerLM:
    torch.manual_seed(0)
    return TransformerLM(vocab_size=31, d_model=32, num_layers=1, num_heads=4).eval()


@pytest.fixture
def model():
    return small_model()


def test_a_second_text_makes_no_copies(model):
    first = shared_decoder(model, 1, LONG)
    assert shared_decoder(model, 1, LONG) is first
    assert shared_decoder(model, 1, 1) is first
    assert shared_decoder(model, 5, LONG) is not first


def test_a_long_text_has_copies_though_a_short_one_had_none(model):
    assert shared_decoder(model, 1, 1) is not shared_decoder(model, 1, LONG)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_training_step_is_noticed(model, optimizer):
    before = shared_decoder(model, 1, LONG)
    step = build_optimizer(model, TrainConfig(optimizer=optimizer, warmup_steps=0)).step
    model(torch.tensor([[1, 2, 3]])).square().sum().backward()
    step()
    assert shared_decoder(model, 1, LONG) is not before


def test_weights_that_are_loaded_or_moved_are_noticed(model):
    before = shared_decoder(model, 1, LONG)
    model.load_state_dict({name: w + 1 for name, w in model.state_dict().items()})
    loaded = shared_decoder(model, 1, LONG)
    model.to(torch.float64).to(torch.float32)
    assert len({before, loaded, shared_decoder(model, 1, LONG)}) == 3


def test_an_adapter_may_be_switched_off(model):
    add_lora(model, LoraConfig())
    assert shared_decoder(model, 1, LONG) is not shared_decoder(model, 1, LONG)


def test_the_copies_go_with_the_model():
    model = small_model()
    decoder = weakref.ref(shared_decoder(model, 1, LONG))
    assert decoder() is not None
    del model
    gc.collect()
    assert decoder() is None
