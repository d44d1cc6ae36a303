"""A training that is followed back: against the training itself, and leaving out."""

import numpy as np
import pytest
import torch
from interpret.influence.small_runs import habit_of, repeats, with_text

from minigpt.checkpoint import load_checkpoint
from minigpt.interpret.influence.backwards import trace_back
from minigpt.interpret.influence.copies import drift
from minigpt.interpret.influence.pure_step import PureStep
from minigpt.interpret.influence.rerun import (
    Rerun,
    Window,
    batch_of,
    prepare_again,
    training_of,
)
from minigpt.worker.worker import train_run


def pure_of(rerun, config):
    return PureStep(rerun.model, config.train, rerun.optimizer, rerun.total)


@pytest.fixture(params=["muon", "adamw with dropout"])
def config(request, text_file):
    return repeats() if request.param == "muon" else with_text(text_file)


def test_a_pure_step_is_the_step_that_training_takes(config):
    prepared = prepare_again(config)
    rerun = Rerun(prepared)
    pure = pure_of(rerun, config)
    state = pure.state_of(rerun.optimizer)
    for step in range(3):
        batch = batch_of(prepared.source.sampler, step)
        counts = torch.ones(batch[1].shape)
        state = pure.take(state.fresh(), counts, batch, step).fresh()
        rerun.advance()
        real = pure.state_of(rerun.optimizer)
        for one, other in zip(state.tensors(), real.tensors(), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_influences_are_the_gradient_through_the_whole_training(config):
    prepared, last = prepare_again(config), 7
    rerun, habit = Rerun(prepared), habit_of(config)
    pure, kept = pure_of(rerun, config), {}
    for step in range(last):
        if step in (0, 3):
            kept[step] = pure.state_of(rerun.optimizer)
        rerun.advance()
    sampler = prepared.source.sampler
    traced = trace_back(habit, pure, sampler, kept, last)
    found = {each.step: each.labels for each in traced}

    state, every = kept[0].fresh(), []
    for step in range(last):
        batch = batch_of(sampler, step)
        every.append(torch.ones(batch[1].shape, requires_grad=True))
        state = pure.take(state, every[-1], batch, step)
    pure.model.eval()
    slopes = torch.autograd.grad(habit.score(pure.model, state.weights), every)
    largest = max(float(slope.abs().max()) for slope in slopes)
    for step, slope in enumerate(slopes):
        np.testing.assert_allclose(
            found[step] / largest, slope.numpy() / largest, atol=1e-5
        )


def test_influence_predicts_what_leaving_a_window_out_does():
    config, last = repeats(batch_size=8), 6
    prepared, habit = prepare_again(config), habit_of(config)
    rerun = Rerun(prepared)
    pure = pure_of(rerun, config)
    kept = {0: pure.state_of(rerun.optimizer)}

    def score_without(windows):
        again = Rerun(prepared, windows)
        while again.step < last:
            again.advance()
        again.model.eval()
        weights = dict(again.model.named_parameters())
        return habit.score(again.model, weights).item()

    predicted, measured = [], [-score_without(set())] * 18
    for step, labels in trace_back(habit, pure, prepared.source.sampler, kept, last):
        for row in range(0, 8, 3):
            measured[len(predicted)] += score_without({Window(step, row)})
            predicted.append(-labels[row].sum())
    assert np.corrcoef(predicted, measured)[0, 1] > 0.9


def test_a_run_trained_again_is_the_same_to_the_bit(config, store):
    run = store.create(config)
    train_run(run)
    last = load_checkpoint(run.latest)
    rerun = Rerun(prepare_again(training_of(last), run.latest))
    others = Rerun(prepare_again(config), {Window(0, 0)})
    while rerun.step < rerun.total:
        rerun.advance()
        others.advance()
    own = dict(last.model.named_parameters())
    for name, weight in rerun.model.named_parameters():
        assert torch.equal(weight, own[name]), name
    assert drift(rerun.model, run.latest) == 0
    assert drift(others.model, run.latest) > 1e-4
