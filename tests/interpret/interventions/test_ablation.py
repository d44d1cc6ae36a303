"""What cuts do, against models where it is known, and against hooks by hand."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from minigpt.config import GenerationConfig
from minigpt.generation import Generator
from minigpt.interpret.interventions import ablation
from minigpt.interpret.interventions.ablation import (
    ablate_pair,
    continue_text,
    loss_over,
    measure,
    said_before,
)
from minigpt.interpret.interventions.interventions import Ablation, read_ablation
from minigpt.interpret.interventions.parts import MLP, Attention, Head
from minigpt.model import create_model
from minigpt.tokenizers import CharTokenizer

TOKENS = [3, 1, 4, 1, 5, 9]
WINDOWS = np.random.default_rng(0).integers(12, size=(5, 8))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return (
        create_model("transformer", vocab_size=12, d_model=8, num_layers=2, num_heads=2)
        .eval()
        .requires_grad_(False)
    )


def test_cutting_a_head_is_zeroing_its_z(model):
    def zero(z, hook):
        z[:, :, 1] = 0
        return z

    effect = measure(model, TOKENS, [Ablation(Head(0, 1))])
    ids = torch.tensor([TOKENS])
    expected = model.run_with_hooks(ids, [("blocks.0.attn.hook_z", zero)])[0, -1]
    torch.testing.assert_close(torch.tensor(effect.after_logits), expected)
    torch.testing.assert_close(torch.tensor(effect.before_logits), model(ids)[0, -1])
    assert effect.kl > 0


def test_cutting_nothing_changes_nothing(model):
    effect = measure(model, TOKENS, [])
    assert effect.kl == 0
    np.testing.assert_array_equal(effect.before, effect.after)


def test_cutting_everything_leaves_the_bare_embeddings(model):
    everything = [
        Ablation(part) for layer in (0, 1) for part in (Attention(layer), MLP(layer))
    ]
    effect = measure(model, TOKENS, everything, position=2)
    x = model.embed(torch.tensor([TOKENS]))
    expected = model.unembed(model.ln_final(x))[0, 2]
    torch.testing.assert_close(torch.tensor(effect.after_logits), expected)


def test_the_mean_over_the_text_itself_needs_only_that_text(model):
    windows = np.array([TOKENS])
    effect = measure(model, TOKENS[:1], [Ablation(Head(0, 0), "mean")], windows[:, :1])
    assert effect.kl == pytest.approx(0, abs=1e-6)


def test_a_cut_leaves_the_model_as_it_was(model):
    ids = torch.tensor([TOKENS])
    before = model(ids)
    measure(model, TOKENS, [Ablation(Head(0, 0), 2.0), Ablation(Head(1, 1), 2.0)])
    torch.testing.assert_close(model(ids), before, rtol=0, atol=0)


def test_the_loss_of_a_corpus_is_each_tokens_cross_entropy(model):
    losses = loss_over(model, WINDOWS)
    tokens = torch.tensor(WINDOWS)
    expected = F.cross_entropy(
        model(tokens)[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), reduction="none"
    )
    np.testing.assert_allclose(losses.ravel(), expected, atol=1e-5)


@pytest.mark.parametrize("how", ["zero", "mean", "resample"])
@pytest.mark.parametrize("budget", [1, 2**23])
def test_the_loss_does_not_depend_on_how_many_windows_run_at_once(
    model, monkeypatch, how, budget
):
    cuts = [Ablation(Head(0, 0), how)]
    expected = loss_over(model, WINDOWS, cuts)
    monkeypatch.setattr(ablation, "MOST_LOGITS", budget)
    np.testing.assert_allclose(loss_over(model, WINDOWS, cuts), expected, atol=1e-5)
    assert not np.allclose(expected, loss_over(model, WINDOWS))


def test_a_pair_said_before_can_be_copied():
    found = said_before(np.array([[1, 2, 3, 1, 2, 1, 3], [4, 4, 4, 4, 5, 4, 4]]))
    assert found.astype(int).tolist() == [[0, 0, 0, 1, 0, 0], [0, 1, 1, 0, 0, 1]]


def mean_loss(model):
    return lambda ablations: float(loss_over(model, WINDOWS, ablations).mean())


def test_two_cuts_are_compared_with_both_at_once(model):
    pair = (Ablation(Head(0, 0)), Ablation(Head(1, 1)))
    found = ablate_pair(mean_loss(model), pair)
    base = loss_over(model, WINDOWS).mean()
    both = loss_over(model, WINDOWS, pair).mean() - base
    assert found.both == pytest.approx(both, abs=1e-6)
    alone = loss_over(model, WINDOWS, pair[:1]).mean() - base
    assert found.first == pytest.approx(alone, abs=1e-6)
    assert found.interaction == pytest.approx(found.both - found.first - found.second)


def test_the_same_cut_twice_interacts_by_taking_nothing_more(model):
    cut = Ablation(Head(0, 0))
    found = ablate_pair(mean_loss(model), (cut, cut))
    assert found.both == pytest.approx(found.first, abs=1e-6)
    assert found.interaction == pytest.approx(-found.first, abs=1e-6)


def test_a_continuation_without_cuts_is_the_generators(model):
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("abcdefgh")
    found = continue_text(model, tokenizer.encode("ab"), 9)
    config = GenerationConfig(strategy="greedy", max_new_tokens=9, stop_at_eos=False)
    written = Generator(model, tokenizer).generate("ab", config)
    assert found == written.tokens


def test_a_continuation_ends_where_the_window_is_full(model):
    longest = model.config.max_seq_len
    assert len(continue_text(model, [1] * (longest - 2), 12)) == 2


@pytest.mark.parametrize(
    "cuts",
    [
        ["attention0", "MLP0"],
        ["L0H1 mean", "L1H0 x2"],
        ["L1H0 resample"],
        ["token1", "L0H0"],
        ["L1H1[3,0] renormalized"],
    ],
    ids=str,
)
def test_a_continuation_is_written_under_the_cut(model, cuts):
    ablations = list(map(read_ablation, cuts))
    text = [0, 1, 3]
    for _ in range(4):
        after = measure(model, text, ablations, WINDOWS).after
        text.append(int(after.argmax()))
    assert continue_text(model, [0, 1, 3], 4, ablations, WINDOWS) == text[3:]
