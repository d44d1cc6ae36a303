"""One head of one run: found, proven, and refused where there is nothing to find."""

import shutil

import numpy as np
import pytest
import torch
from interpret.influence.small_runs import growing, habit_of

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.errors import DataError
from minigpt.interpret.influence.findings import Found, Proof
from minigpt.interpret.influence.growth import Growth
from minigpt.interpret.influence.rerun import Rerun, Window, training_of
from minigpt.interpret.influence.study import Study, proof_of
from minigpt.runs.store import RunStore
from minigpt.worker.worker import train_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = RunStore(tmp_path_factory.mktemp("runs")).create(growing())
    train_run(run)
    return run


@pytest.fixture(scope="module")
def habit():
    return habit_of(growing(), "induction")


@pytest.fixture(scope="module")
def study(run, habit):
    study = Study(load_checkpoint(run.latest), habit, dict(run.to_look_at()))
    progress = list(study.find())
    assert progress[-1].done == progress[-1].total == study.known().formed
    return study


def test_a_head_has_formed_halfway_and_its_run_is_the_same_to_the_last_of_16_bits(
    study, run, habit
):
    found = study.known()
    final = load_checkpoint(run.latest).model
    last = habit.score(final, dict(final.named_parameters())).item()
    assert found.level == pytest.approx((found.growth.scores[0] + last) / 2)
    assert found.growth.scores[found.growth.steps.index(found.formed)] >= found.level
    assert all(score < found.level for score in found.growth.scores[: found.formed])
    assert set(found.drift) == {0, 1, 2, 4, 8, 16} & set(range(found.formed + 1))
    assert max(found.drift.values()) < 0.0005
    assert found.windows.shape == (found.formed, 8)
    # Only what a window counts beside the others of its step matters.
    assert np.abs(found.windows.sum(1)).max() < 1e-4 * np.abs(found.windows).max()


def test_the_windows_that_helped_are_worth_more_than_others(study, run, habit):
    count = study.count_of(0.02)
    assert count == round(0.02 * 40 * 8)
    steps = [each.done for each in study.prove(count)]
    proof = study.proofs[count]
    assert steps == list(range(1, len(steps) + 1))
    assert [growth.steps[-1] for growth in proof.trainings] == [proof.last] * 3
    assert proof.tells_apart
    ranked = study.known().ranked
    again = Rerun(study.prepared, set(ranked[:count]))
    while again.step < proof.last:
        again.advance()
    again.model.eval()
    weights = dict(again.model.named_parameters())
    assert habit.score(again.model, weights).item() == proof.without_top.scores[-1]
    # A notebook's lines come to the same.
    asked = (load_checkpoint(run.latest), habit, dict(run.to_look_at()))
    assert proof_of(*asked, count).trainings == proof.trainings


def test_a_window_is_the_text_that_was_read_with_its_influences(study):
    found, window = study.known(), Window(3, 2)
    inputs, labels = study.prepared.source.sampler.batch(3)
    assert study.tokens_of(window) == [*inputs[2].tolist(), labels[2, -1].item()]
    of_tokens = found.of_tokens(window)
    assert np.isnan(of_tokens[0])
    assert of_tokens[1:].sum() == pytest.approx(found.windows[window], rel=1e-4)
    assert found.explain(window).result == pytest.approx(
        found.windows[window], rel=1e-4
    )


def test_what_cannot_be_traced_back_is_refused_in_words(run, habit, tmp_path):
    last, copies = load_checkpoint(run.latest), dict(run.to_look_at())
    for cut, words in (
        ("data", "was not trained here"),
        ("text_sha256", "not trained"),
    ):
        known = {k: v for k, v in last.metadata.provenance.items() if k != cut}
        changed = last._replace(metadata=last.metadata.replace(provenance=known))
        with pytest.raises(DataError, match=words):
            training_of(changed)
    tuned = {**last.metadata.provenance, "finetune": {}}
    with pytest.raises(DataError, match="fine-tuned"):
        training_of(last._replace(metadata=last.metadata.replace(provenance=tuned)))
    other = {**last.metadata.provenance, "text_sha256": "0" * 64}
    changed = last._replace(metadata=last.metadata.replace(provenance=other))
    with pytest.raises(DataError, match="has changed"):
        list(Study(changed, habit, copies).find())
    with pytest.raises(DataError, match="did not grow"):
        list(Study(last, habit_of(growing(), "self_token"), copies).find())
    with pytest.raises(DataError, match="No window has a place"):
        type(habit)(0, 0, habit.windows, habit.cells & False)

    first = tmp_path / "first"
    shutil.copytree(copies[0], first)
    begun = load_checkpoint(first)
    with torch.no_grad():
        begun.model.token_embedding.weight.add_(1.0)
    save_checkpoint(first, begun.model, begun.tokenizer, step=0)
    with pytest.raises(DataError, match="began with other weights"):
        list(Study(last, habit, {**copies, 0: first}).find())


def test_a_verdict_tells_a_later_head_from_one_whose_place_another_took():
    steps, level = [0, 10, 20, 30, 40], 0.5
    original = Growth(steps, [0, 0.1, 0.6, 0.9, 0.9], [0, 0.1, 0.6, 0.9, 0.9])
    late = Growth(steps, [0, 0, 0, 0.6, 0.9], [0, 0, 0, 0.6, 0.9])
    replaced = Growth(steps, [0, 0, 0, 0, 0], [0, 0.2, 0.7, 0.9, 0.9])
    proof = Proof(9, level, 40, original, late, original)
    assert proof.later(late) == proof.any_later(late) == 0.5
    assert proof.tells_apart
    assert not proof.is_another_heads(late)
    assert proof.later(replaced) is None
    assert proof.any_later(replaced) == 0
    assert proof.is_another_heads(replaced)
    assert not Proof(9, level, 40, original, original, original).tells_apart
    assert not Proof(9, level, 40, original, replaced, replaced).tells_apart
    ranked = Found(np.array([[[1.0], [3.0]], [[-4.0], [2.0]]]), 2, level, original, {})
    assert ranked.half == 2
    assert ranked.ranked == [Window(0, 1), Window(1, 1), Window(0, 0), Window(1, 0)]
