"""What the page says of a scheme is what the model's hooks hold."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from minigpt.errors import DataError
from minigpt.interpret.positions import position_views as views
from minigpt.model import create_model

TOKENS = [3, 1, 4, 1, 5, 9, 2, 6]


def model(scheme, **settings):
    torch.manual_seed(0)
    defaults = {"vocab_size": 11, "d_model": 16, "num_layers": 2, "num_heads": 4}
    made = create_model(
        "transformer",
        **{**defaults, "max_seq_len": 16, "positional_encoding": scheme, **settings},
    ).eval()
    for block in made.blocks:
        if scheme == "relative":  # a new table is zero
            torch.nn.init.normal_(block.attn.position_bias.bias_table)
    return made


def cache_of(made):
    with torch.inference_mode():
        return made.run_with_cache(torch.tensor([TOKENS]))[1]


@pytest.mark.parametrize("scheme", ["learned", "sinusoidal"])
def test_the_vectors_are_what_the_hook_adds(scheme):
    made = model(scheme)
    vectors = views.position_vectors(made, scheme, 8)
    np.testing.assert_allclose(
        vectors, cache_of(made)["hook_pos_embed"][0].detach(), atol=1e-6
    )


def test_a_learned_table_ends_and_a_formula_does_not():
    assert len(views.position_vectors(model("learned"), "learned", 99)) == 16
    assert len(views.position_vectors(model("learned"), "sinusoidal", 99)) == 99
    with pytest.raises(DataError, match="no learned vectors"):
        views.position_vectors(model("rope"), "learned", 4)


def test_similarity_by_distance_is_a_mean_of_cosines():
    found = views.by_distance(model("sinusoidal"), "sinusoidal", 0, 12)
    vectors = torch.from_numpy(views.position_vectors(model("rope"), "sinusoidal", 12))
    pairs = [
        float(F.cosine_similarity(vectors[i], vectors[i + 3], dim=0)) for i in range(9)
    ]
    assert found.values[0, 3] == pytest.approx(np.mean(pairs), abs=1e-6)
    assert found.values[0, 0] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("kv_heads", [4, 2])
def test_the_turned_product_is_the_models_score(kv_heads):
    made = model("rope", num_kv_heads=kv_heads)
    scores = cache_of(made)["attn_scores", 1][0]
    for head, query, key in [(0, 5, 2), (3, 7, 6), (2, 4, 4)]:
        found = views.turning(made, TOKENS, 1, head, query, key)
        expected = float(scores[head, query, key])
        assert found.score(query, key) == pytest.approx(expected, abs=1e-5)


def test_moving_query_and_key_alike_changes_nothing_and_one_alone_does():
    found = views.turning(model("none"), TOKENS, 0, 1, 6, 3)
    here = found.score(6, 3)
    assert found.score(1006, 1003) == pytest.approx(here, abs=1e-9)
    assert found.score(7, 3) != pytest.approx(here, abs=1e-4)


def test_heads_of_an_odd_width_have_no_pairs():
    with pytest.raises(DataError, match="5 wide"):
        views.turning(model("none", d_model=20), TOKENS, 0, 0, 1, 0)


def test_slopes_are_those_of_the_paper():
    # Press et al. 2022, section 3: for 8 heads, 1/2, 1/4, … 1/256.
    assert views.slopes(8) == [2.0**-power for power in range(1, 9)]


@pytest.mark.parametrize("scheme", ["alibi", "relative"])
def test_biases_are_what_the_scores_have_beyond_q_times_k(scheme):
    made = model(scheme)
    cache, bias = cache_of(made), views.head_bias(made, scheme, 1, len(TOKENS))
    q, k = (cache[name, 1][0].transpose(0, 1) for name in ("q", "k"))
    products = (q @ k.mT / 2).numpy()  # √d_head is 2
    scores = cache["attn_scores", 1][0].numpy()
    seen = np.isfinite(bias)
    np.testing.assert_allclose((scores - products)[seen], bias[seen], atol=1e-5)
    assert (seen == np.tril(np.ones_like(seen))).all()
    by_distance = views.by_distance(made, scheme, 1, len(TOKENS)).values
    np.testing.assert_allclose(by_distance, bias[:, -1, ::-1])


def test_none_makes_nothing_of_a_distance():
    assert views.by_distance(model("none"), "none", 0, 8) is None


def test_rope_of_equal_vectors_keeps_all_at_distance_0():
    found = views.by_distance(model("rope"), "rope", 0, 9)
    speeds = [1.0, 10_000 ** (-2 / 4)]
    expected = [np.mean(np.cos(np.array(speeds) * far)) for far in range(9)]
    np.testing.assert_allclose(found.values[0], expected, atol=1e-6)


@pytest.mark.parametrize("scheme", views.ANY_LENGTH)
def test_a_longer_model_says_the_same_and_reads_on(scheme):
    made = model(scheme)
    grown = views.longer(made, 40)
    tokens = torch.arange(40)[None] % 11
    with torch.inference_mode():
        torch.testing.assert_close(grown(tokens)[:, :16], made(tokens[:, :16]))
    losses = views.loss_by_position(grown, tokens.numpy())
    with torch.inference_mode():
        expected = F.cross_entropy(grown(tokens)[0, :-1], tokens[0, 1:])
    assert losses.shape == (39,)
    assert losses.mean() == pytest.approx(float(expected), abs=1e-5)


def test_making_a_longer_model_draws_no_random_number():
    made = model("rope")
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    views.longer(made, 20)
    assert torch.rand(1) == expected


def test_a_learned_table_cannot_read_on():
    with pytest.raises(DataError, match="has 16: for position 16"):
        views.longer(model("learned"), 20)
