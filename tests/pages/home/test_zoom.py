"""Home's close-up: at every level, what is drawn is the model's, and adds up."""

import base64

import numpy as np
import pytest
import torch

from minigpt.checkpoint import load_checkpoint

PROMPT = "the red kite"
PLACE, REVEALED = "_zoom", "_zoom_revealed"


@pytest.fixture
def checkpoint(models):
    return load_checkpoint(models / "models/glass/checkpoints/checkpoint_step_100")


@pytest.fixture
def cache(checkpoint):
    model, tokenizer, _ = checkpoint
    with torch.inference_mode():
        _, cache = model.run_with_cache(torch.tensor([tokenizer.encode(PROMPT)]))
    return cache


@pytest.fixture
def level(open_page, view):
    """Return a function that opens Home at a level, and reads what is drawn."""

    def open_(path, token=11, revealed=None):
        app = open_page(prompt=PROMPT, token=str(token))
        app.session_state[PLACE] = path
        app.session_state[REVEALED] = revealed
        app.run()
        assert not app.exception
        return view(app, "zoom")

    return open_


def vectors(shown) -> np.ndarray:
    raw = [base64.b64decode(row["values"]) for row in shown["rows"]]
    return np.array([np.frombuffer(each, "<f4") for each in raw])


def test_the_token_starts_as_its_embedding_and_ends_as_the_stream(level, cache):
    shown = level(())
    rows = vectors(shown)
    np.testing.assert_allclose(
        rows[0], cache["blocks.0.hook_resid_pre"][0, 11], atol=1e-6
    )
    np.testing.assert_allclose(
        rows[-1], cache["blocks.1.hook_resid_post"][0, 11], atol=1e-6
    )
    np.testing.assert_allclose(rows[:-1].sum(0), rows[-1], atol=1e-5)
    assert shown["next"]


def test_of_what_is_not_revealed_yet_nothing_is_sent(level, cache):
    shown = level((), revealed=2)
    assert [row["name"] for row in shown["rows"]] == [
        "embedding",
        "+ attention 0",
        "= sum",
    ]
    np.testing.assert_allclose(
        vectors(shown)[-1], cache["blocks.0.hook_resid_mid"][0, 11], atol=1e-6
    )
    assert shown["next"] == []


def test_a_block_is_its_heads_and_its_mlp(level, cache):
    shown = level((1,), token=5)
    rows = vectors(shown)
    np.testing.assert_allclose(
        rows[0], cache["blocks.1.hook_resid_pre"][0, 5], atol=1e-6
    )
    np.testing.assert_allclose(rows[:-1].sum(0), rows[-1], atol=1e-5)
    assert [row["opens"] for row in shown["rows"]][:3] == [False, True, True]


def test_what_a_head_gathers_is_the_weighted_sum_of_the_rows_above(level, cache):
    shown = level((0, 1), token=6)
    rows = vectors(shown)
    shares = np.array([row["share"] for row in shown["rows"][:-1]])
    np.testing.assert_allclose(shares, cache["pattern", 0][0, 1, 6, :7], atol=1e-6)
    np.testing.assert_allclose(shares @ rows[:-1], rows[-1], atol=1e-5)
    np.testing.assert_allclose(rows[-1], cache["z", 0][0, 6, 1], atol=1e-6)


def test_one_product_is_query_times_key(level, cache):
    shown = level((0, 1, 3), token=6)
    query, key, product = vectors(shown)
    np.testing.assert_allclose(query * key, product, rtol=1e-5)
    assert f"add up to {product.sum():.2f}".replace("-", "−") in shown["words"]
    assert f"{float(cache['pattern', 0][0, 1, 6, 3]):.3f}" in shown["words"]


def test_the_text_has_a_row_for_every_token(level, cache):
    shown = level(None)
    np.testing.assert_allclose(vectors(shown), cache["blocks.0.hook_resid_pre"][0])


def test_a_place_that_this_model_lacks_is_left(level):
    assert level((7, 0))["path"] == ["text", "“e”"]


def test_an_mlp_has_neither_tour_nor_close_up(open_page):
    app = open_page(prompt=PROMPT, model="mlp")
    names = [node.proto.component_name for node in app.get("bidi_component")]
    assert "minigpt.zoom" not in names
    assert "take_tour" not in [button.key for button in app.button]
