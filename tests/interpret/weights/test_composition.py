"""Composition against dense matrices in double precision, and against chance."""

from pathlib import Path

import numpy as np
import pytest
import torch
from interpret.weights.small_models import SHAPES, dense_heads, small_model

from minigpt.checkpoint import load_checkpoint
from minigpt.interpret.weights.chance import concentration, fourth_moments
from minigpt.interpret.weights.composition import KINDS, compositions
from minigpt.model import TransformerLM

MODELS = Path(__file__).parents[3] / "data/models"


def dense_scores(later, earlier) -> dict[str, float]:
    """Multiply the matrices of two heads out, as the definition says."""
    w_q, w_k, w_v, w_o = later
    ov = earlier[3] @ earlier[2]
    reads = {"q": w_k.T @ w_q, "k": w_q.T @ w_k, "v": w_o @ w_v}
    return {
        kind: float((read @ ov).norm() / (read.norm() * ov.norm()))
        for kind, read in reads.items()
    }


@pytest.mark.parametrize("name", SHAPES)
def test_scores_are_those_of_the_dense_matrices(name):
    model = small_model(name)
    found = compositions(model)
    heads = [list(dense_heads(model, layer)) for layer in range(3)]
    for place in np.ndindex(3, 4, 3, 4):
        later, head, earlier, earlier_head = place
        scores = [found.scores[kind][place] for kind in KINDS]
        if earlier >= later:
            assert np.isnan(scores).all()
            continue
        expected = dense_scores(heads[later][head], heads[earlier][earlier_head])
        np.testing.assert_allclose(scores, [expected[kind] for kind in KINDS], 1e-4)


def test_the_shipped_model_that_copies_reads_its_previous_token_head_by_its_keys():
    model, _, _ = load_checkpoint(MODELS / "induction")
    found = compositions(model)
    links = {kind: found.links(kind) for kind in KINDS}
    assert {(link.earlier, link.later) for link in links["k"]} == {
        ((0, 0), (1, 0)),
        ((0, 0), (1, 1)),
    }
    assert links["q"] == links["v"] == []
    assert all(link.score > 1.3 * link.high for link in links["k"])


@pytest.mark.parametrize("num_heads", [2, 16])
def test_no_two_heads_of_untrained_models_stand_out(num_heads):
    deviations, tails = [], []
    for seed in range(20):
        torch.manual_seed(seed)
        model = TransformerLM(
            vocab_size=5,
            d_ff=0,
            max_seq_len=4,
            d_model=32,
            num_layers=3,
            num_heads=num_heads,
        )
        found = compositions(model)
        assert [found.links(kind) for kind in KINDS] == [[], [], []]
        deviations += [found.surprise(kind) for kind in KINDS]
        tails += [found.chance[kind].tail(found.scores[kind]) for kind in KINDS]
    drawn, tail = (
        np.concatenate([each[~np.isnan(each)] for each in values])
        for values in (deviations, tails)
    )
    assert abs(drawn.mean()) < 0.05
    assert drawn.std() == pytest.approx(1, abs=0.1)
    assert 0.02 < (tail < 0.05).mean() < 0.07


@pytest.mark.parametrize("sizes", [(1, 1), (1, 3), (4, 2)])
def test_the_band_is_what_random_turns_give(sizes):
    generator = torch.Generator().manual_seed(0)
    d, turns = 6, 20_000
    one, other = (
        torch.randn(1, n, d, generator=generator, dtype=torch.float64) for n in sizes
    )
    drawn = torch.randn(turns, d, d, generator=generator, dtype=torch.float64)
    turn, triangle = torch.linalg.qr(drawn)
    # QR's signs are a convention; without them, every turn is as likely as any other.
    turn = turn * triangle.diagonal(dim1=1, dim2=2).sign()[:, None]
    squared = (one @ turn @ other.mT).square().sum((1, 2))
    squared /= one.square().sum() * other.square().sum()
    moments = fourth_moments(concentration(one), concentration(other), d)
    assert float(squared.mean()) == pytest.approx(1 / d, rel=0.03)
    assert float(squared.square().mean()) == pytest.approx(moments[0], rel=0.05)


def test_two_heads_made_for_each_other_stand_out():
    torch.manual_seed(0)
    model = TransformerLM(
        vocab_size=5, d_model=32, num_layers=2, num_heads=4, d_ff=0, max_seq_len=4
    ).requires_grad_(False)
    written = model.blocks[0].attn.output.weight[:, 8:16]  # of L0H1
    model.blocks[1].attn.qkv.weight[:8] = written.T  # the queries of L1H0
    (link,) = compositions(model).links("q")
    assert (link.earlier, link.later) == ((0, 1), (1, 0))
    assert link.score > link.high > link.low > 0
