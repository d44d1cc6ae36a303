"""One step of each optimizer, against torch's, the project's, and the textbook's."""

import copy

import numpy as np
import pytest
import torch
from interpret.learning.small_models import TOKENS, models
from torch.nn import functional as F

from minigpt.config import TrainConfig
from minigpt.errors import DataError
from minigpt.interpret.learning import steps as learning_steps
from minigpt.interpret.learning.arithmetic import spell_step
from minigpt.interpret.learning.matrices import busiest, matrices_of
from minigpt.interpret.learning.steps import LearningRule, learn, losses_by_rate
from minigpt.machine_memory import Memory
from minigpt.textbook.learning import first_step, losses_of_steps
from minigpt.training.optimizer import Muon, build_optimizer, is_hidden_matrix

RATES = {"SGD": 0.05, "AdamW": 0.01, "Muon": 0.02}
CASES = [(name, optimizer) for name in models() for optimizer in RATES]


def oracle(model, optimizer, rate):
    """torch's own optimizers; for Muon the project's, over the matrices it is for."""
    if optimizer == "SGD":
        return torch.optim.SGD(model.parameters(), lr=rate)
    if optimizer == "AdamW":
        groups = [
            {
                "params": [
                    p
                    for n, p in model.named_parameters()
                    if (p.ndim >= 2 and not n.endswith("bias_table")) == decayed
                ],
                "weight_decay": 0.1 * decayed,
            }
            for decayed in (True, False)
        ]
        return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), foreach=False)
    defaults = TrainConfig()
    return build_optimizer(
        model,
        TrainConfig(
            optimizer="muon",
            muon_learning_rate=rate,
            learning_rate=rate * defaults.learning_rate / defaults.muon_learning_rate,
            muon_splits_qkv=True,
        ),
    )


def trained(model, optimizer, rate, steps):
    """Return the weights after some steps, and the losses on the way."""
    own = copy.deepcopy(model).requires_grad_(True)
    stepper, ids, losses = oracle(own, optimizer, rate), torch.tensor([TOKENS]), []
    for _ in range(steps + 1):
        stepper.zero_grad()
        loss = F.cross_entropy(own(ids)[0, :-1], ids[0, 1:])
        losses.append(loss.item())
        loss.backward()
        if len(losses) <= steps:
            stepper.step()
    return own, losses


@pytest.mark.parametrize(("name", "optimizer"), CASES)
def test_steps_are_those_of_the_real_optimizers(name, optimizer):
    model, rate = models()[name], RATES[optimizer]
    for title, matrix in matrices_of(model, 1 if name != "mlp" else 0, 1).items():
        found = learn(model, TOKENS, LearningRule(optimizer, rate), 3, matrix)
        own, losses = trained(model, optimizer, rate, 3)
        after = own.get_parameter(matrix.parameter).detach()[matrix.cells]
        np.testing.assert_allclose(found.last.after, after, atol=2e-6, err_msg=title)
        np.testing.assert_allclose(found.losses, losses, rtol=1e-4)
        assert found.last.step == 3


@pytest.mark.parametrize(("name", "optimizer"), CASES)
def test_the_arithmetic_of_every_cell_gives_the_weight_afterwards(name, optimizer):
    model = models()[name]
    rule = LearningRule(optimizer, RATES[optimizer])
    for matrix in matrices_of(model, 0, 0).values():
        last = learn(model, TOKENS, rule, 2, matrix).last
        for row, column in ((0, 0), (1, 3), (4, 2)):
            lines = spell_step(last, row, column)
            assert lines[-1].symbol == "w"
            assert lines[-1].value == pytest.approx(last.after[row, column], abs=2e-5)
            moved = lines[-1].value - last.weight[row, column]
            assert moved == pytest.approx(last.update[row, column], abs=2e-5)


@pytest.mark.parametrize(("name", "optimizer"), CASES)
def test_the_textbooks_first_step_is_the_same(name, optimizer):
    model = models()[name]
    rule = LearningRule(optimizer, RATES[optimizer])
    for matrix in matrices_of(model, 0, 1 if name != "mlp" else 0).values():
        last = learn(model, TOKENS, rule, 1, matrix).last
        of = "AdamW" if last.rule == "AdamW" else optimizer
        by_hand = first_step(
            model, torch.tensor([TOKENS]), matrix.parameter, of, last.settings["lr"]
        )
        np.testing.assert_allclose(by_hand[matrix.cells], last.after, atol=2e-4)


def test_textbook_descent_has_the_same_losses():
    model = models()["relative"]
    matrix = matrices_of(model, 0, 0)["W_Q"]
    found = learn(model, TOKENS, LearningRule("SGD", 0.05), 4, matrix)
    by_hand = losses_of_steps(model, torch.tensor([TOKENS]), 0.05, 4)
    np.testing.assert_allclose(found.losses, by_hand, rtol=1e-4)


def test_for_sgd_the_expected_change_is_the_squared_gradient_times_lr():
    model, rate = models()["rope"], 1e-4
    own, _ = trained(model, "SGD", rate, 0)
    squared = sum(float(p.grad.double().pow(2).sum()) for p in own.parameters())
    matrix = matrices_of(model, 0, 0)["W_V"]
    found = learn(model, TOKENS, LearningRule("SGD", rate), 1, matrix)
    # The update is the difference of two rounded weights.
    assert found.expected[0] == pytest.approx(-rate * squared, rel=5e-3)
    real = found.losses[1] - found.losses[0]
    assert real == pytest.approx(found.expected[0], rel=0.1)


def test_a_shared_model_is_never_changed():
    for name, model in models().items():
        before = {n: weight.clone() for n, weight in model.named_parameters()}
        matrix = matrices_of(model, 0, 0)["unembedding" if name == "mlp" else "W_O"]
        with torch.inference_mode():  # as a page may call it
            for optimizer in RATES:
                rule = LearningRule(optimizer, 1.0)
                learn(model, TOKENS, rule, 2, matrix)
                losses_by_rate(model, TOKENS, rule, [0.1, 10.0])
        for n, weight in model.named_parameters():
            assert torch.equal(weight, before[n])
            assert not weight.requires_grad
            assert weight.grad is None


@pytest.mark.parametrize(("name", "optimizer"), CASES)
def test_the_loss_by_rate_is_that_of_a_real_step(name, optimizer):
    model = models()[name]
    matrix = next(iter(matrices_of(model, 0, 0).values()))
    rates = [0.001, 0.03, 0.3]
    found = losses_by_rate(model, TOKENS, LearningRule(optimizer, 0.01), rates)
    for rate in rates:
        real = learn(model, TOKENS, LearningRule(optimizer, rate), 1, matrix)
        assert found.after(rate) == pytest.approx(real.losses[1], rel=2e-3)
        assert found.before == pytest.approx(real.losses[0], rel=1e-6)
        assert rate * found.slope == pytest.approx(real.expected[0], rel=5e-3)
    assert found.after(found.best) == min(found.losses)


def test_a_prompt_is_learned_by_heart():
    model = models()["relative"]
    matrix = matrices_of(model, 0, 0)["W_in"]
    found = learn(model, TOKENS, LearningRule("AdamW", 0.01), 60, matrix)
    assert found.losses[-1] < 0.1 < 1 < found.losses[0]
    assert (found.probabilities[-1] > 0.8).all()


def test_steps_that_lead_nowhere_end():
    model = models()["rope"]
    matrix = matrices_of(model, 0, 0)["W_in"]
    found = learn(model, TOKENS, LearningRule("SGD", 1e30), 50, matrix)
    assert len(found.losses) == len(found.expected) + 1 < 51


def test_muon_leaves_what_faces_the_vocabulary_to_adamw():
    model = models()["attention only"]
    rule = LearningRule("Muon", 0.02)
    names = dict(model.named_parameters())
    for matrix in matrices_of(model, 1, 1).values():
        last = learn(model, TOKENS, rule, 1, matrix).last
        hidden = is_hidden_matrix(matrix.parameter, names[matrix.parameter])
        assert last.rule == ("Muon" if hidden else "AdamW")
        assert (last.direction is not None) == hidden
    assert Muon is not None


def test_the_busiest_part_holds_the_largest_gradients():
    gradient = np.zeros((5, 6))
    gradient[3, 4], gradient[1, 0], gradient[1, 5] = 2.0, -3.0, 0.5
    rows, columns = busiest(gradient, 2, 3)
    assert rows.tolist() == [1, 3]
    assert columns.tolist() == [0, 4, 5]


def test_a_copy_that_would_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(learning_steps, "memory_of", lambda device: Memory(100, 100))
    model = models()["rope"]
    matrix = matrices_of(model, 0, 0)["W_in"]
    with pytest.raises(DataError, match="choose a smaller model"):
        learn(model, TOKENS, LearningRule("SGD", 0.1), 1, matrix)
