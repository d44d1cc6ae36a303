"""What words cost that are said twice, against torch's own loss."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from minigpt.interpret.heads.repetition import read_repetition
from minigpt.interpret.heads.scores import head_scores
from minigpt.interpret.interventions.ablation import token_losses
from minigpt.model import create_model

PERIOD = 6


@pytest.fixture
def model():
    torch.manual_seed(3)
    return create_model(
        "transformer", vocab_size=40, d_model=16, num_layers=2, num_heads=2,
        max_seq_len=32, d_ff=0,
    ).eval()  # fmt: skip


@pytest.fixture
def windows():
    words = torch.randint(
        4, 40, (5, PERIOD), generator=torch.Generator().manual_seed(1)
    )
    return torch.cat([torch.full((5, 1), 2), words, words[:, :-1]], dim=1)


def test_the_losses_are_torchs_over_the_first_and_the_second_time(model, windows):
    read = read_repetition(model, windows)
    with torch.inference_mode():
        logits = model(windows)
    first = F.cross_entropy(
        logits[:, :PERIOD].flatten(0, 1), windows[:, 1 : PERIOD + 1].flatten()
    )
    # That the first word comes again could not be known: it does not count.
    second = F.cross_entropy(
        logits[:, PERIOD + 1 : -1].flatten(0, 1), windows[:, PERIOD + 2 :].flatten()
    )
    assert read.first_loss == pytest.approx(first.item(), abs=1e-5)
    assert read.second_loss == pytest.approx(second.item(), abs=1e-5)


def test_a_model_that_knows_nothing_pays_the_logarithm_of_the_vocabulary(windows):
    losses = token_losses(torch.zeros(*windows.shape, 40), windows)
    assert losses.numpy() == pytest.approx(np.log(40))


def test_the_scores_are_the_mean_of_each_windows_scores(model, windows):
    read = read_repetition(model, windows)
    induction = []
    for window in windows:
        with torch.inference_mode():
            _, cache = model.run_with_cache(window[None])
        patterns = torch.stack([cache["pattern", layer][0] for layer in range(2)])
        scores = head_scores(patterns.numpy(), window.tolist())
        induction.append(scores.induction)
    assert read.scores.induction == pytest.approx(np.mean(induction, axis=0), abs=1e-6)
    assert read.induction == read.scores.induction.max()
    assert read.previous_token == read.scores.previous_token.max()


def test_a_head_may_be_cut_meanwhile(model, windows):
    def silence(z, hook):
        return torch.zeros_like(z)

    plain = read_repetition(model, windows)
    with model.hooks(fwd_hooks=[("blocks.0.attn.hook_z", silence)]):
        cut = read_repetition(model, windows)
    assert cut.second_loss != plain.second_loss
    assert read_repetition(model, windows).second_loss == plain.second_loss
