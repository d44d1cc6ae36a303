"""What a reader does with the lens: read its cells, click them, click a bar."""

import re
import shutil

import pytest
import torch
from navigation import open_link
from streamlit_server import ROOT

from minigpt.checkpoint import load_checkpoint

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

PROMPT = "the red kite"


def open_lens(page, server, **query: str) -> None:
    pairs = {"prompt": PROMPT, **query}
    link = "&".join(f"{key}={value}" for key, value in pairs.items())
    open_link(page, f"{server.url}/logit_lens?{link}")
    page.get_by_role("heading", name="Check").wait_for()
    grid(page, "lens_grid").locator("td").first.wait_for()


def grid(page, key: str):
    return page.locator(f".st-key-{key} .value_grid")


def bar(page, part: str):
    label = f'[aria-label^="part: {part};"]'
    return page.locator(f".st-key-lens_bars [aria-roledescription=bar]{label}")


def hooks_of(data):
    """Return every point's logits [point pos vocab], the cache, model and tokenizer."""
    path = data / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    with torch.inference_mode():
        _, cache = model.run_with_cache(
            torch.tensor([tokenizer.encode(PROMPT)]), lambda name: True
        )
        streams = [cache["resid_pre", 0]]
        for layer in range(model.config.num_layers):
            streams += [cache["resid_mid", layer], cache["resid_post", layer]]
        lens = torch.stack([model.unembed(model.ln_final(s))[0] for s in streams])
    return lens, cache, model, tokenizer


def numbers(text: str) -> list[float]:
    return [float(each) for each in re.findall(r"[+-]?\d+\.\d+", text)]


def test_cells_of_the_lens_show_what_the_streams_hooks_say(page, server, data):
    open_lens(page, server)
    lens, _, _, tokenizer = hooks_of(data)
    best = lens.softmax(-1).max(-1)
    cells = grid(page, "lens_grid").locator("td")
    drawn = [
        piece.replace(" ", "·").replace("\n", "⏎")
        for row in best.indices.tolist()
        for piece in tokenizer.pieces(row)
    ]
    assert cells.all_inner_texts() == drawn
    caption = grid(page, "lens_grid").locator(".caption")
    for point, position in ((0, 2), (2, 5), (4, 11)):
        cells.nth(point * len(PROMPT) + position).hover()
        wanted = f"{float(best.values[point, position]):.4f}"
        expect(caption).to_contain_text(f"with probability {wanted}")


def test_clicking_a_cell_opens_it_and_chooses_its_token(page, server, data):
    open_lens(page, server)
    cells = grid(page, "lens_grid").locator("td")
    cells.nth(2 * len(PROMPT) + 5).click()
    expect(page.get_by_label("Token", exact=True)).to_have_value("5")
    expect(page.get_by_text("Promoted and suppressed by L0 MLP")).to_be_visible()
    page.wait_for_function("() => location.search.includes('token=5')")
    lens = hooks_of(data)[0]
    page.get_by_text("Where the chosen cell comes from").click()
    origin = page.get_by_text("softmax(all logits)").first
    best = lens[2, 5].softmax(-1).max(-1)
    expect(origin).to_contain_text(f"[{int(best.indices)}] = {float(best.values):.4f}")


def test_the_shares_on_the_screen_are_the_hooks_own(page, server, data):
    open_lens(page, server, layer="1", head="0")
    lens, cache, model, _ = hooks_of(data)
    a, b = lens[-1, -1].topk(2).indices.tolist()
    with torch.inference_mode():
        unembedding = model.token_embedding.weight[a] - model.token_embedding.weight[b]
        direction = model.ln_final.weight * unembedding
        direction -= direction.mean()
        direction /= cache["ln_final.hook_scale"][0, -1]
        shares = {
            f"L{layer}H{head}": float(cache["result", layer][0, -1, head] @ direction)
            for layer in range(2)
            for head in range(2)
        }
        shares["embedding"] = float(cache["hook_embed"][0, -1] @ direction)
        shares["L1 MLP"] = float(cache["mlp_out", 1][0, -1] @ direction)
    for part, share in shares.items():
        label = bar(page, part).get_attribute("aria-label").replace("−", "-")
        assert numbers(label)[-1] == pytest.approx(share, abs=5.1e-5), part
    cell = grid(page, "lens_heads").locator("td").nth(3)
    cell.hover()
    caption = grid(page, "lens_heads").locator(".caption")
    expect(caption).to_contain_text(f"L1H1 adds {shares['L1H1']:+.4f}")
    line = page.get_by_text(re.compile("shares add up to")).first.locator("..")
    total, own = numbers(line.inner_text())[:2]
    wanted = float(lens[-1, -1, a] - lens[-1, -1, b])
    assert total == own == pytest.approx(wanted, abs=5e-4)


def test_clicking_the_bar_of_a_head_opens_it_and_leads_to_the_head_explorer(
    page, server
):
    open_lens(page, server, layer="1", head="1")
    page.get_by_role("heading", name=re.compile("^L1H1 adds")).wait_for()
    bar(page, "L0H1").click(force=True)
    page.get_by_role("heading", name=re.compile("^L0H1 adds")).wait_for()
    bar(page, "L1 MLP").click(force=True)
    page.get_by_role("heading", name=re.compile("^L1 MLP adds")).wait_for()
    expect(page.get_by_text("The neurons that contribute most")).to_be_visible()
    bar(page, "L0H1").click(force=True)
    # The list of what the model writes below may have opened the same head.
    page.get_by_role("button", name="Open L0H1 in the Head explorer").first.click()
    page.get_by_role("heading", name="Head explorer", level=1).wait_for()
    page.get_by_role("heading", name=re.compile("^L0H1")).first.wait_for()


def test_a_rival_that_is_not_in_the_list_can_be_typed(page, server, data):
    open_lens(page, server)
    lens, _, _, tokenizer = hooks_of(data)
    offered = "".join(tokenizer.pieces(lens[-1, -1].topk(20).indices.tolist()))
    letter = next(each for each in "tuvwxyzabcdef" if each not in offered)
    rival = page.get_by_role("combobox", name=re.compile("Rival B"))
    rival.fill(3 * letter)
    rival.press("Enter")
    expect(page.get_by_text("is not one token of this model but 3")).to_be_visible()
    rival.fill(letter)
    rival.press("Enter")
    expect(page.get_by_text("is not one token")).to_have_count(0)
    expect(page.get_by_text(re.compile(rf"^A, .*B, “{letter}"))).to_be_visible()


@pytest.fixture
def trained(tmp_path, chromium_program, serve_app):
    """Start a server with the smallest model that ships: it names a text of its own."""
    shutil.copytree(ROOT / "data/models/induction", tmp_path / "models/induction")
    with serve_app(tmp_path) as running:
        yield running


def test_a_tuned_lens_is_trained_when_its_button_is_pressed(page, trained):
    open_link(page, f"{trained.url}/logit_lens?prompt=Mia+met+Tom+.+Mia")
    page.get_by_role("button", name="Train a tuned lens").click()
    told = page.get_by_text(re.compile("windows of held-out text.*its KL is"))
    told.wait_for()
    tuned, raw = numbers(told.inner_text())[-2:]
    assert tuned < raw
    rows = grid(page, "lens_tuned").locator("tbody tr")
    expect(rows).to_have_count(3)  # the embedding, and attention in two layers
    both = rows.last.locator("td").all_inner_texts()
    assert both[0] == both[1]  # at the last point both are the output
    expect(page.get_by_role("button", name="Train a tuned lens")).to_have_count(0)
