"""Many interventions at once give what each gives alone."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from minigpt.interpret.interventions import sweep
from minigpt.interpret.interventions.interventions import (
    fwd_hooks,
    read_ablation,
    record,
)
from minigpt.interpret.interventions.sweep import (
    HeadEffects,
    ablate_each_head,
    run_each,
)
from minigpt.model import create_model

CUTS = ["L0H0", "L1H1 x1.5", "MLP0", "attention1", "L1H0[3,1] zero renormalized"]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(2)
    return (
        create_model("transformer", vocab_size=12, d_model=8, num_layers=2, num_heads=2)
        .eval()
        .requires_grad_(False)
    )


@pytest.fixture(scope="module")
def windows():
    return np.random.default_rng(0).integers(12, size=(3, 7))


@pytest.mark.parametrize("budget", [1, 2 * 7 * 12 * 2, 2**23])
def test_each_gets_its_own_intervention_however_many_run_at_once(
    model, windows, monkeypatch, budget
):
    monkeypatch.setattr(sweep, "MOST_LOGITS", budget)
    tokens = torch.tensor(windows[:2])
    hooks = [fwd_hooks(model, [read_ablation(text)]) for text in CUTS]
    together = list(run_each(model, tokens, [*hooks, []]))
    for found, own in zip(together, [*hooks, []], strict=True):
        torch.testing.assert_close(found, model.run_with_hooks(tokens, own))


@pytest.mark.parametrize("how", ["zero", "mean", "resample", 1.5])
def test_the_map_of_all_heads_is_each_head_cut_alone(model, windows, how):
    found = ablate_each_head(model, windows, how, reference=windows)
    tokens = torch.tensor(windows)
    before = model(tokens)
    for layer, head in np.ndindex(2, 2):
        cut = read_ablation(f"L{layer}H{head} {how}")
        hooks = fwd_hooks(model, [cut], record(model, [cut], windows))
        after = model.run_with_hooks(tokens, hooks)
        rise = loss(after, tokens) - loss(before, tokens)
        assert found.loss[layer, head] == pytest.approx(rise, abs=1e-5)
        kl = F.kl_div(
            after.log_softmax(-1),
            before.log_softmax(-1),
            reduction="none",
            log_target=True,
        ).sum(-1)
        assert found.kl[layer, head] == pytest.approx(kl.mean().item(), abs=1e-5)
        last = kl[:, -1].mean().item()
        assert found.last_kl[layer, head] == pytest.approx(last, abs=1e-5)


def test_what_lies_below_an_ablated_layer_is_not_computed_for_each_head(model, windows):
    ran = []
    watch = [("blocks.*.hook_resid_post", lambda value, hook: ran.append(hook.name))]
    with model.hooks(watch):
        ablate_each_head(model, windows[:1], layers=[1])
    # Once the whole model, then layer 1.
    assert [name.split(".")[1] for name in ran] == ["0", "1", "1"]


def test_layers_can_be_measured_one_at_a_time(model, windows):
    one_by_one = [ablate_each_head(model, windows, layers=[layer]) for layer in (0, 1)]
    joined, whole = HeadEffects.stacked(one_by_one), ablate_each_head(model, windows)
    np.testing.assert_allclose(joined.loss, whole.loss, atol=1e-6)
    np.testing.assert_allclose(joined.last_kl, whole.last_kl, atol=1e-6)


def loss(logits, tokens):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()).item()
