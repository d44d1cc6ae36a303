"""Every lesson opens where its point can be felt: the effect is at least its bar."""

from pathlib import Path

import pytest
import torch

from minigpt.checkpoint import load_checkpoint
from minigpt.config import GenerationConfig
from minigpt.generation import beam_search
from minigpt.generation.beam.paths import greedy_text
from minigpt.interpret.heads.attention_editing import HeadEdit, edit_head
from minigpt.interpret.heads.attention_steps import attention_steps
from minigpt.interpret.openings.attention import attention_opening
from minigpt.interpret.openings.beam_search import beam_opening
from minigpt.interpret.openings.generation import generation_opening
from minigpt.library.catalogue import find_model

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module", params=["tales", "glass", "induction"])
def checkpoint(request):
    return load_checkpoint(find_model(DATA, request.param).path)


def test_attention_opens_on_an_average_that_the_root_keeps_one(checkpoint):
    found = attention_opening(checkpoint)
    tokens = checkpoint.tokenizer.encode(found.prompt)
    place = (found.layer, found.head, found.token)
    edited = edit_head(checkpoint.model, tokens, *place, HeadEdit(without_scale=True))
    assert found.effects["kl"] == pytest.approx(edited.here.kl, rel=1e-3)
    steps = attention_steps(checkpoint.model, tokens, *place)
    growth = edited.pattern.max() - steps.pattern.max()
    assert found.effects["growth"] == pytest.approx(growth, rel=1e-3)
    assert found.effects["entropy"] >= 0.5
    assert found.effects["growth"] >= 0.3
    assert found.effects["kl"] >= 0.3
    assert found.effects["hidden"] >= 3


def test_generation_opens_where_the_temperature_matters(checkpoint):
    found = generation_opening(checkpoint)
    tokens = checkpoint.tokenizer.encode(found.prompt)
    with torch.inference_mode():
        logits = checkpoint.model(torch.tensor([tokens]))[0, -1]
    p = logits.softmax(-1)
    assert found.effects["entropy"] == pytest.approx(-float((p * p.log()).sum()), 1e-3)
    for name, temperature in (("cold", 0.5), ("hot", 2.0)):
        own = float((logits / temperature).softmax(-1).max())
        assert found.effects[name] == pytest.approx(own, rel=1e-3)
    assert found.effects["entropy"] >= 1.0
    assert found.effects["cold"] - found.effects["hot"] >= 0.5
    assert 2 <= found.effects["kept"] < len(p) / 2


def test_beam_search_opens_where_greedys_first_choice_loses(checkpoint):
    config = GenerationConfig(strategy="beam", num_beams=3, max_new_tokens=8)
    found = beam_opening(checkpoint, config)
    tokens = checkpoint.tokenizer.encode(found.prompt)
    arguments = (config, checkpoint.tokenizer.eos_id)
    best = beam_search(checkpoint.model, tokens, *arguments).sequences[0]
    greedy = greedy_text(checkpoint.model, tokens, *arguments)
    assert best.tokens[0] != greedy.tokens[0]
    gain = best.cumulative - greedy.cumulative
    assert found.effects["gain"] == pytest.approx(gain, rel=1e-3)
    assert gain >= 1.0
