"""Looking and causing, on scores by hand and on the models that ship."""

from pathlib import Path

import numpy as np
import pytest

from minigpt.checkpoint import load_checkpoint
from minigpt.interpret.corpora import held_out_windows
from minigpt.interpret.heads.repeated_tokens import familiar_tokens, repeated_tokens
from minigpt.interpret.heads.scores import HABITS, HeadScores
from minigpt.interpret.interventions.circuit import (
    find_circuit,
    sharpest_head,
    state_under,
    strongest_habit,
)
from minigpt.interpret.interventions.interventions import Ablation
from minigpt.interpret.interventions.parts import Head
from minigpt.interpret.interventions.prompt_pairs import PAIRS, ready_pair
from minigpt.interpret.interventions.sweep import HeadEffects

MODELS = Path(__file__).parents[3] / "data" / "models"


def scores(previous, induction):
    blank = np.zeros_like(np.array(previous, dtype=float))
    found = dict.fromkeys([*HABITS, "entropy"], blank)
    found |= {"previous_token": np.array(previous), "induction": np.array(induction)}
    return HeadScores(**found)


def test_a_circuit_is_a_previous_token_head_before_an_induction_head():
    found = find_circuit(scores([[0.1, 0.7], [0.9, 0.0]], [[0, 0], [0.2, 0.8]]))
    assert found is not None
    assert (found.previous, found.control, found.induction) == (
        Head(0, 1),
        Head(0, 0),
        Head(1, 1),
    )


@pytest.mark.parametrize(
    ("previous", "induction"),
    [
        ([[0.1, 0.7], [0.9, 0.0]], [[0, 0], [0.2, 0.4]]),  # nobody copies
        ([[0.1, 0.3], [0.9, 0.0]], [[0, 0], [0.2, 0.8]]),  # nobody feeds it
        ([[0.1, 0.7], [0.9, 0.0]], [[0, 0.9], [0.2, 0.8]]),  # it stands first
        ([[0.7], [0.0]], [[0], [0.8]]),  # no head to compare with
        ([[np.nan, np.nan]] * 2, [[np.nan, np.nan]] * 2),  # nothing is known
    ],
)
def test_without_both_heads_there_is_no_circuit(previous, induction):
    assert find_circuit(scores(previous, induction)) is None


def test_the_sharpest_head_need_not_be_the_needed_one():
    found = scores([[0.2, 0.3], [0.7, 0.1]], np.zeros((2, 2)))
    costs = np.array([[1.1, 0.2], [0.07, 0.0]])
    habit = strongest_habit(found, HeadEffects(costs, costs, costs))
    assert habit.sharpest == sharpest_head(found) == Head(1, 0)
    assert (habit.weight, habit.cost) == (0.7, 0.07)
    assert (habit.needed, habit.needed_cost) == (Head(0, 0), 1.1)


@pytest.fixture(scope="module")
def copier():
    steps = (MODELS / "induction" / "checkpoints").glob("checkpoint_step_*")
    last = max(steps, key=lambda path: int(path.name.rpartition("_")[2]))
    model, tokenizer, metadata = load_checkpoint(last)
    windows = held_out_windows(metadata, tokenizer, model.config.max_seq_len)
    familiar = familiar_tokens(tokenizer, windows)
    return model, windows, repeated_tokens(familiar, model.config.max_seq_len)


def test_cutting_the_previous_token_head_ends_induction_and_the_control_does_not(
    copier,
):
    model, windows, repeated = copier
    whole = state_under(model, [], windows, repeated)
    circuit = find_circuit(whole.scores)
    assert circuit is not None
    place = circuit.induction.layer, circuit.induction.head
    assert whole.scores.induction[place] >= 0.8
    for how in ("zero", "mean", "resample"):
        cut = state_under(model, [Ablation(circuit.previous, how)], windows, repeated)
        assert cut.scores.induction[place] <= 0.1
        assert cut.copying_loss >= whole.copying_loss + 4
        control = state_under(
            model, [Ablation(circuit.control, how)], windows, repeated
        )
        assert (
            abs(control.scores.induction[place] - whole.scores.induction[place]) < 0.03
        )
        assert abs(control.copying_loss - whole.copying_loss) < 0.1


def test_a_cut_of_a_later_layer_leaves_the_earlier_heads_alone(copier):
    model, windows, repeated = copier
    whole = state_under(model, [], windows, repeated)
    cut = state_under(model, [Ablation(Head(1, 0))], windows, repeated)
    np.testing.assert_array_equal(
        cut.scores.previous_token[0], whole.scores.previous_token[0]
    )
    assert cut.loss > whole.loss


@pytest.mark.parametrize(("name", "number"), [("tales", 0), ("glass", 3)])
def test_each_shipped_model_gets_a_pair_that_it_tells_apart(name, number):
    model, tokenizer, _ = load_checkpoint(MODELS / name)
    assert ready_pair(model, tokenizer) == PAIRS[number]


def test_the_copier_gets_the_pair_that_only_copying_tells_apart(copier):
    steps = MODELS / "induction" / "checkpoints"
    tokenizer = load_checkpoint(next(steps.iterdir())).tokenizer
    assert ready_pair(copier[0], tokenizer) == PAIRS[1]
