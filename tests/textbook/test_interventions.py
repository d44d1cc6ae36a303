"""Ablation and patching by hand: the same numbers as the library's."""

import numpy as np
import pytest
import torch
from model.test_transformer import small_model, some_tokens

from minigpt.interpret.interventions.ablation import loss_over, measure
from minigpt.interpret.interventions.circuit import state_under
from minigpt.interpret.interventions.interventions import read_ablation
from minigpt.interpret.interventions.patching import CARRIED, Prompts, patch_map
from minigpt.interpret.interventions.sweep import ablate_each_head
from minigpt.textbook.interventions import (
    ablation_hooks,
    kl_of_each_head,
    loss_of_each_head,
    loss_under,
    patch_each_place,
    scores_under,
)

TOKENS = some_tokens(1, 10)
WINDOWS = some_tokens(3, 8).numpy()
CUTS = [
    ["L0H1 zero"],
    ["MLP0 mean", "L1H2 x0.5"],
    ["attention1 resample"],
    ["L1H0[7,3] zero renormalized", "token2 x0.5"],
    ["L0H0 zero", "L0H1 mean", "L0H2 resample"],
]


@pytest.mark.parametrize("what", CUTS, ids=str)
def test_ablations_do_what_the_librarys_cuts_do(what):
    model, cuts = small_model(), list(map(read_ablation, what))
    hooks = ablation_hooks(model, what, WINDOWS)
    after = model.run_with_hooks(TOKENS, hooks)[0, -1].softmax(-1).detach()
    expected = measure(model, TOKENS[0].tolist(), cuts, WINDOWS)
    np.testing.assert_allclose(after, expected.after, atol=1e-6)
    assert not np.allclose(after, expected.before, atol=1e-4)
    loss = loss_under(model, WINDOWS, hooks)
    assert loss == pytest.approx(float(loss_over(model, WINDOWS, cuts).mean()))
    repeated = np.tile(WINDOWS[:, :5], 2)
    scores = scores_under(model, repeated, hooks).as_array()
    state = state_under(model, cuts, WINDOWS, repeated)
    np.testing.assert_allclose(scores, state.scores.as_array(), atol=1e-6)


@pytest.mark.parametrize("how", ["zero", "mean", "resample"])
def test_each_head_alone_costs_what_the_librarys_batched_sweep_finds(how):
    model = small_model()
    expected = ablate_each_head(model, WINDOWS, how, WINDOWS)
    rise = loss_of_each_head(model, WINDOWS, how)
    np.testing.assert_allclose(rise, expected.loss, atol=1e-5)
    moved = kl_of_each_head(model, WINDOWS, how)
    np.testing.assert_allclose(moved, expected.kl, atol=1e-5)


@pytest.mark.parametrize("what", CARRIED)
@pytest.mark.parametrize("changes", [{}, {"num_kv_heads": 2}], ids=str)
def test_each_patch_moves_what_the_librarys_batched_map_finds(what, changes):
    model = small_model(**changes)
    run, other = torch.tensor([[3, 1, 4, 1, 5], [3, 1, 9, 1, 5]]).tolist()
    prompts = Prompts(run, other, answer=7, rival=21)
    found = patch_each_place(model, prompts, what)
    expected = patch_map(model, prompts, what).moved
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
