"""A circuit is found where there is one, proven by experiment, and missed aloud."""

import numpy as np
import pytest
import torch

import minigpt
from minigpt.errors import DataError
from minigpt.interpret.circuits.edges import edges_between
from minigpt.interpret.circuits.frozen import FrozenRun, freeze
from minigpt.interpret.circuits.keeping import (
    ask,
    kept_differences,
    whole_difference,
)
from minigpt.interpret.circuits.nodes import Means, mean_values, parts_of
from minigpt.interpret.circuits.proof import prove, remove_each, remove_each_part
from minigpt.interpret.circuits.search import (
    FEW,
    circuit_of,
    find_circuit,
    first_candidate,
    measured,
)
from minigpt.interpret.circuits.survey import Survey, try_prompt
from minigpt.interpret.corpora import held_out_windows
from minigpt.interpret.openings.opening import held_out_prompts
from minigpt.interpret.weights.composition import compositions
from minigpt.model import TransformerLM


@pytest.fixture(scope="module")
def copying():
    """Return the shipped model that copies, its windows, means and some prompts."""
    checkpoint = minigpt.load("data/models/induction")
    model, tokenizer, metadata = checkpoint
    windows = held_out_windows(metadata, tokenizer, 64, 16)
    prompts = [tokens for _, tokens in held_out_prompts(checkpoint, 24, 6)]
    return model.requires_grad_(False), windows, mean_values(model, windows), prompts


def runs(copying) -> list[FrozenRun]:
    model, _, means, prompts = copying
    return [freeze(model, ask(model, tokens, means), means) for tokens in prompts]


def test_the_circuit_of_copying_is_the_one_that_composition_singles_out(copying):
    model = copying[0]
    parts, found = parts_of(model), set()
    for run in runs(copying):
        circuit = find_circuit(run)
        for edge in edges_between(run, circuit.kept):
            if edge.through == "key" and edge.share > 0.1 * run.difference:
                assert edge.target is not None
                writes, reads = parts[edge.source.part], parts[edge.target.part]
                if writes.kind == "head":
                    found.add(((writes.layer, writes.head), (reads.layer, reads.head)))
    singled_out = {
        (link.earlier, link.later) for link in compositions(model).links("k")
    }
    assert found == {((0, 0), (1, 0)), ((0, 0), (1, 1))} == singled_out


def test_few_nodes_keep_the_difference_and_as_many_others_do_not(copying):
    run = max(runs(copying), key=lambda each: each.difference)
    circuit = find_circuit(run)
    assert circuit.holds
    assert circuit.of_all <= FEW
    assert 0.9 <= circuit.share <= 1.1
    assert circuit.size <= first_candidate(run).size
    proof = prove(run, circuit)
    assert proof.alone == pytest.approx(circuit.share, abs=1e-5)
    assert proof.nothing < 0.1
    assert proof.by_chance < 0.5
    assert proof.without < 0.5
    assert prove(run, circuit).random.tolist() == proof.random.tolist()


def test_what_is_kept_is_kept_and_all_else_is_the_mean(copying):
    model, windows, means, prompts = copying
    asked = ask(model, prompts[0], means)
    kept = torch.ones(1, len(parts_of(model)), len(prompts[0]), dtype=torch.bool)
    kept[0, 3, 5] = False  # L1H0 at token 5: after the embedding and L0's two heads
    text = torch.tensor([prompts[0]])
    _, cache = model.run_with_cache(torch.as_tensor(windows), ["blocks.1.attn.hook_z"])
    mean = cache["blocks.1.attn.hook_z"].mean((0, 1))[0]

    def edit(z, hook):
        z = z.clone()
        z[:, 5, 0] = mean
        return z

    logits = model.run_with_hooks(text, [("blocks.1.attn.hook_z", edit)])[0, -1]
    expected = float(logits[asked.answer] - logits[asked.rival])
    assert parts_of(model)[3].name == "L1H0"
    found = kept_differences(model, asked, means, kept)
    assert float(found[0]) == pytest.approx(expected, abs=1e-4)


def test_a_removal_is_measured_on_the_model_itself(copying):
    run = runs(copying)[0]
    removals = remove_each(run)
    kept = torch.ones_like(run.effects, dtype=torch.bool)
    node = removals.nodes[0]
    kept[node] = False
    alone = (1 - measured(run, kept).share) * run.difference
    assert removals.measured[0] == pytest.approx(alone, abs=1e-4)
    assert removals.predicted[0] == pytest.approx(float(run.effects[node]))
    assert removals.correlation > 0.5
    parts = remove_each_part(run)
    assert len(parts.measured) == len(parts_of(run.model))
    assert parts.predicted.sum() == pytest.approx(float(run.effects.sum()), abs=1e-3)


def test_where_every_token_is_needed_the_search_finds_no_small_circuit():
    model, means = summing_model()
    run = freeze(model, ask(model, [*range(TERMS), TERMS], means), means)
    circuit = find_circuit(run)
    assert circuit.is_faithful
    assert circuit.of_all > FEW
    assert not circuit.holds
    # The norm divides by the root of how many terms there are: 0.9 takes 81% of them.
    assert 0.81 * TERMS <= circuit.size - 1 < 0.81 * TERMS + 1


TERMS = 11


def summing_model() -> tuple[TransformerLM, Means]:
    """Return a model whose answer is the sum of what each of eleven tokens is."""
    size = TERMS + 1
    model = TransformerLM(
        vocab_size=size,
        d_model=size,
        num_layers=1,
        num_heads=1,
        d_ff=0,
        max_seq_len=size,
        positional_encoding="none",
        norm="rmsnorm",
        norm_affine=False,
        bias=False,
        tie_embeddings=False,
    )
    model.eval().requires_grad_(False)
    terms = torch.eye(size)
    terms[TERMS] = 0.0  # the last token says nothing itself
    model.token_embedding.weight.copy_(terms)
    attention = model.blocks[0].attn
    attention.qkv.weight.zero_()  # every token is read alike
    attention.qkv.weight[2 * size :] = torch.eye(size)
    attention.output.weight.copy_(torch.eye(size))
    model.head.weight.zero_()
    model.head.weight[0] = 1.0
    means = mean_values(model, np.arange(size)[None])
    nothing = {name: torch.zeros_like(mean) for name, mean in means.values.items()}
    return model, Means(nothing, means.reads)


def test_a_rival_that_is_as_likely_is_refused(copying):
    model, windows, means, prompts = copying
    asked = ask(model, prompts[0], means)
    with pytest.raises(DataError, match="another rival"):
        whole_difference(model, asked._replace(rival=asked.answer))
    with pytest.raises(DataError, match="another rival"):
        circuit_of(model, prompts[0], asked.answer, windows)
    found = circuit_of(model, prompts[0], asked.rival, windows)
    assert (
        found.kept.tolist() == find_circuit(freeze(model, asked, means)).kept.tolist()
    )


def test_a_survey_counts_prompts_and_compares_the_means_of_parts(copying):
    model, _, means, prompts = copying
    trials = [try_prompt(model, tokens, means) for tokens in prompts[:3]]
    found = Survey([trial for trial in trials if trial is not None])
    assert found.holding == np.mean([trial.circuit.holds for trial in found.trials])
    shape = (len(found.trials), len(parts_of(model)))
    assert found.predicted.shape == found.measured.shape == shape
    mean = np.corrcoef(found.predicted.mean(0), found.measured.mean(0))[0, 1]
    assert found.mean_correlation == pytest.approx(mean)
    assert -1 <= found.single_correlation <= 1
