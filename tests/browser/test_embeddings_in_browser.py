"""A reader picks tokens, turns clocks and shuffles: the numbers are the model's."""

import re

import pytest
import torch
from navigation import open_link

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.model import create_model

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

PROMPT = "the red kite"


@pytest.fixture(scope="module")
def rope(data):
    """Return a model with RoPE, one of those that the server shows."""
    _, tokenizer, _ = load_checkpoint(
        data / "models/glass/checkpoints/checkpoint_step_100"
    )
    torch.manual_seed(0)
    model = create_model(
        "transformer",
        vocab_size=tokenizer.vocab_size,
        d_model=16,
        num_layers=2,
        num_heads=2,
        max_seq_len=32,
        positional_encoding="rope",
    ).eval()
    save_checkpoint(data / "models" / "rope", model, tokenizer, step=1)
    return model, torch.tensor([tokenizer.encode(PROMPT)])


def open_part(page, server, part):
    query = f"model=rope&prompt={PROMPT}&embeddings_part={part}"
    open_link(page, f"{server.url}/embeddings?{query}")
    page.get_by_role("heading", name="Embeddings and positions", level=1).wait_for()
    page.get_by_text("Show the source").wait_for()


def number(text):
    return float(text.replace("−", "-"))


def test_a_click_on_a_piece_shows_that_tokens_neighbours_and_vector(page, rope, server):
    model, tokens = rope
    open_part(page, server, "Tokens")
    page.locator(".token_pieces .piece").nth(4).click()
    line = page.get_by_test_id("stCode").filter(has_text="hook_embed[0, 4, 0]")
    line.wait_for()
    table = model.token_embedding.weight.detach()
    token = int(tokens[0, 4])
    shown = number(line.inner_text().rpartition(" ")[2])
    assert shown == pytest.approx(float(table[token, 0]), abs=1e-4)
    cosines = torch.cosine_similarity(table, table[token][None])
    cosines[token] = -1
    labels = page.locator("svg text", has_text=f"{float(cosines.max()):.3f}")
    expect(labels.first).to_be_visible()


def test_the_clocks_score_is_the_models_and_follows_the_distance_alone(
    page, rope, server
):
    model, tokens = rope
    open_part(page, server, "Positions")
    with torch.inference_mode():
        scores = model.run_with_cache(tokens)[1]["attn_scores", 0]
    score = page.locator(".clock_hands .caption strong")
    expect(score).to_be_visible()
    last = tokens.shape[1] - 1
    here = score.inner_text()
    expected = float(scores[0, 0, last, last - 1])
    assert number(here) == pytest.approx(expected, abs=1e-4)
    page.get_by_label("both shifted by").fill("17")
    expect(page.locator(".clock_hands .caption")).to_contain_text(
        f"at {last + 17} and {last + 16}, 1 apart"
    )
    assert number(score.inner_text()) == pytest.approx(number(here), abs=1e-4)
    page.get_by_label(re.compile("^position of key")).focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".clock_hands .caption")).to_contain_text("2 apart")
    assert number(score.inner_text()) != pytest.approx(number(here), abs=1e-4)


def test_a_shuffle_leaves_one_layer_without_positions_as_it_was(page, rope, server):
    open_part(page, server, "Shuffle the words")
    verdicts = page.get_by_test_id("stMetricValue")
    expect(verdicts).to_have_count(3)
    expect(verdicts.nth(0)).to_contain_text("changed by")
    expect(verdicts.nth(1)).to_contain_text("changed by")
    expect(verdicts.nth(2)).to_contain_text("the same")
    before = page.locator(".token_pieces").nth(1).inner_text()
    page.get_by_role("button", name="Shuffle again").click()
    expect(page.locator(".token_pieces").nth(1)).not_to_have_text(before)
    expect(verdicts.nth(2)).to_contain_text("the same")
