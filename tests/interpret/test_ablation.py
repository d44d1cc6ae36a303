"""What cuts do, against models where it is known, and against hooks by hand."""

import numpy as np
import pytest
import torch

from minigpt.interpret.ablation import cut_heads, measure
from minigpt.interpret.interventions import Cut
from minigpt.interpret.parts import MLP, Attention
from minigpt.model import create_model

TOKENS = [3, 1, 4, 1, 5, 9]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return create_model(
        "transformer", vocab_size=12, d_model=8, num_layers=2, num_heads=2
    ).eval()


def test_cutting_a_head_is_zeroing_its_z(model):
    def zero(z, hook):
        z[:, :, 1] = 0
        return z

    effect = cut_heads(model, TOKENS, [(0, 1)])
    ids = torch.tensor([TOKENS])
    expected = model.run_with_hooks(ids, [("blocks.0.attn.hook_z", zero)])[0, -1]
    torch.testing.assert_close(torch.tensor(effect.after_logits), expected)
    torch.testing.assert_close(torch.tensor(effect.before_logits), model(ids)[0, -1])
    assert effect.kl > 0


def test_cutting_nothing_changes_nothing(model):
    effect = cut_heads(model, TOKENS, [])
    assert effect.kl == 0
    np.testing.assert_array_equal(effect.before, effect.after)


def test_cutting_everything_leaves_the_bare_embeddings(model):
    everything = [
        Cut(part) for layer in (0, 1) for part in (Attention(layer), MLP(layer))
    ]
    effect = measure(model, TOKENS, everything, position=2)
    x = model.embed(torch.tensor([TOKENS]))
    expected = model.unembed(model.ln_final(x))[0, 2]
    torch.testing.assert_close(torch.tensor(effect.after_logits), expected)


def test_the_mean_over_the_text_itself_needs_only_that_text(model):
    windows = np.array([TOKENS])
    effect = cut_heads(model, TOKENS[:1], [(0, 0)], "mean", windows[:, :1])
    assert effect.kl == pytest.approx(0, abs=1e-6)


def test_a_cut_leaves_the_model_as_it_was(model):
    ids = torch.tensor([TOKENS])
    before = model(ids)
    cut_heads(model, TOKENS, [(0, 0), (1, 1)], 2.0)
    torch.testing.assert_close(model(ids), before, rtol=0, atol=0)
