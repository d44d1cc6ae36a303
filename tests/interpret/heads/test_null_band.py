"""The band of untrained models: against the arithmetic, and against trained ones."""

from typing import get_args

import numpy as np
import pytest
import torch

from minigpt.config import ModelConfig
from minigpt.config.own_model import PositionalEncoding
from minigpt.errors import ConfigError
from minigpt.interpret.heads.null_band import (
    NullBand,
    band,
    cautious_label,
    draw_again,
    null_band,
    untrained_scores,
)
from minigpt.interpret.heads.repeated_tokens import (
    familiar_tokens,
    repeated_tokens,
    scores_on,
)
from minigpt.interpret.heads.scores import HABITS, SCORES, HeadScores
from minigpt.model import TransformerLM
from minigpt.tokenizers import CharTokenizer

CONFIG = ModelConfig(
    vocab_size=500, d_model=32, num_layers=2, num_heads=4, max_seq_len=64
)
PROBE = repeated_tokens(np.arange(4, 500), 64)


def constant(value, queries=20):
    arrays = {name: np.full((1, 1), value) for name in SCORES}
    return HeadScores(**arrays, queries=dict.fromkeys(HABITS, queries))


def test_the_probe_says_32_different_tokens_twice():
    assert PROBE.shape == (4, 64)
    np.testing.assert_array_equal(PROBE[:, :32], PROBE[:, 32:])
    assert all(len(set(window[:32])) == 32 for window in PROBE)
    assert repeated_tokens(np.arange(5), 64).shape == (4, 10)
    assert repeated_tokens(np.arange(500), 7).shape == (4, 6)


def test_tokens_that_no_text_used_are_not_in_the_probe():
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("abcdefghijklmnop")
    met = tokenizer.encode("abcdefghij")
    windows = np.array([[*met, tokenizer.eos_id]])
    assert familiar_tokens(tokenizer, windows).tolist() == sorted(met)
    assert len(familiar_tokens(tokenizer, np.array([met[:3]]))) == 16


def test_an_untrained_head_reads_evenly():
    """Mean weights of an even head: 1/(q+1), averaged over the queries."""
    null = null_band(CONFIG, PROBE)
    every, again = np.arange(1, 64), np.arange(33, 64)
    assert null.mean.previous_token.mean() == pytest.approx(
        (1 / (every + 1)).mean(), abs=0.01
    )
    assert null.mean.induction.mean() == pytest.approx((1 / again).mean(), abs=0.005)
    low, high = null.edges("induction")
    assert (low < null.mean.induction).all()
    assert (null.mean.induction < high).all()


def test_another_untrained_model_lies_inside_the_band():
    null = null_band(CONFIG, PROBE)
    torch.manual_seed(99)
    fresh = scores_on(TransformerLM(**CONFIG.to_dict()).eval(), PROBE)
    for name in HABITS:
        low, high = null.edges(name, width=5)
        score = getattr(fresh, name)
        assert ((low <= score) & (score <= high)).all(), name


def test_the_band_draws_from_no_one_elses_random_numbers():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    first = untrained_scores(CONFIG, PROBE, seed=1)
    assert torch.equal(torch.rand(4), expected)
    second = untrained_scores(CONFIG, PROBE, seed=1)
    np.testing.assert_array_equal(first.induction, second.induction)


@pytest.mark.parametrize(
    "settings",
    [
        *({"positional_encoding": each} for each in get_args(PositionalEncoding)),
        {"norm": "layernorm", "bias": True, "tie_embeddings": True},
        {"activation": "swiglu", "token_shift": True, "value_embeddings": True},
        {"activation": "relu2", "num_kv_heads": 2, "qk_norm": True},
    ],
    ids=str,
)
def test_weights_that_are_drawn_again_are_a_new_models_to_the_bit(settings):
    config = CONFIG.replace(vocab_size=9, **settings)
    torch.manual_seed(7)
    new = TransformerLM(**config.to_dict()).state_dict()
    kept = TransformerLM(**config.to_dict()).requires_grad_(False)
    for seed in (3, 7):
        draw_again(kept, seed)
    drawn = kept.state_dict()
    assert new.keys() == drawn.keys()
    assert all(torch.equal(new[name], drawn[name]) for name in new)


def test_a_band_is_mean_and_spread_over_the_seeds():
    null = band([constant(0.1), constant(0.3)])
    assert null.mean.induction[0, 0] == pytest.approx(0.2)
    assert null.deviation.induction[0, 0] == pytest.approx(np.std([0.1, 0.3], ddof=1))
    assert null.edges("induction")[0][0, 0] == 0  # a weight is never below
    with pytest.raises(ValueError, match="2 untrained"):
        band([constant(0.1)])


def test_an_architecture_too_large_for_a_second_one_is_refused():
    with pytest.raises(ConfigError):
        untrained_scores(CONFIG.replace(d_model=32_768, num_layers=500), PROBE, 0)


@pytest.mark.parametrize(
    ("weight", "edge", "queries", "label"),
    [
        (0.7, 0.1, 20, "mostly reads the token just before"),
        (0.45, 0.1, 20, "no clear habit"),  # not most of the weight
        (0.7, 0.69, 20, "no clear habit"),  # no farther than an untrained head
        (0.9, 0.1, 2, "no clear habit"),  # two queries are no habit
    ],
)
def test_a_label_wants_most_of_the_weight_far_outside_the_band(
    weight, edge, queries, label
):
    null = NullBand(constant(edge), constant(0.01), 6)
    assert cautious_label(constant(weight, queries), null, 0, 0) == label


def test_an_untrained_model_has_no_labels():
    torch.manual_seed(5)
    model = TransformerLM(**CONFIG.to_dict()).eval()
    null, scores = null_band(CONFIG, PROBE), scores_on(model, PROBE)
    labels = {cautious_label(scores, null, i, j) for i in range(2) for j in range(4)}
    assert labels == {"no clear habit"}
