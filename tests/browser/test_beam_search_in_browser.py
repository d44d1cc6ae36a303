"""What a reader does with the tree: let it grow, point at a node, lock it."""

import re

import pytest
import torch
from navigation import open_link

from minigpt.checkpoint import load_checkpoint
from minigpt.config import GenerationConfig
from minigpt.generation import beam_search

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

PROMPT = "the cat"
STEPS = 5


def open_beams(page, server, **query: str) -> None:
    pairs = {"prompt": PROMPT, "tokens": str(STEPS), **query}
    link = "&".join(f"{key}={value}" for key, value in pairs.items())
    open_link(page, f"{server.url}/beam_search?{link}")
    page.get_by_role("heading", name="Check").wait_for()
    nodes(page).first.wait_for()


def nodes(page):
    return page.locator(".beam_tree g.node:visible")


def told(page):
    return page.locator(".beam_tree .told")


def to_the_end(page) -> None:
    page.get_by_role("slider", name="Step of the search").press("End")
    expect(page.get_by_text(f"step {STEPS} of {STEPS}")).to_be_visible()


def search(data):
    path = data / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    config = GenerationConfig(strategy="beam", num_beams=3, max_new_tokens=STEPS)
    tokens = tokenizer.encode(PROMPT)
    found = beam_search(model.eval(), tokens, config, tokenizer.eos_id)
    return found, model, tokenizer, tokens


def numbers(text: str) -> list[float]:
    return [float(each) for each in re.findall(r"-?\d+\.\d+", text.replace("−", "-"))]


def test_the_tree_grows_by_button_space_slider_and_play(page, server):
    open_beams(page, server)
    expect(nodes(page)).to_have_count(6)
    expect(told(page)).to_contain_text("1 text × 61 tokens = 61 candidates")
    page.get_by_role("button", name="Next ▶").click()
    assert nodes(page).count() in (12, 13)  # greedy's own node may be one more
    page.get_by_text("keep several texts, and decide late").click()
    page.keyboard.press("Space")
    expect(page.get_by_text(f"step 3 of {STEPS}")).to_be_visible()
    page.keyboard.press("Shift+Space")
    expect(page.get_by_text(f"step 2 of {STEPS}")).to_be_visible()
    expect(page.locator(".beam_tree g.node.best:visible")).to_have_count(0)
    to_the_end(page)
    expect(page.locator(".beam_tree g.node.best:visible")).to_have_count(STEPS)
    expect(told(page)).to_contain_text("Done:")
    page.get_by_role("button", name="▶ Play").click()
    expect(page.get_by_text(f"step 1 of {STEPS}")).to_be_visible()
    expect(page.get_by_text(f"step 2 of {STEPS}")).to_be_visible()
    page.get_by_role("button", name="❚❚ Pause").click()


def test_a_node_tells_its_whole_path_and_its_numbers_are_the_models(page, server, data):
    open_beams(page, server)
    to_the_end(page)
    found, model, tokenizer, tokens = search(data)
    best = found.sequences[0]
    path = page.locator(".beam_tree g.node.best:visible")
    path.last.hover()
    pairs = told(page).locator(".pair")
    expect(pairs).to_have_count(STEPS)
    read = torch.tensor([[*tokens, *best.tokens]])
    with torch.inference_mode():
        _, cache = model.run_with_cache(read, ["ln_final.hook_normalized"])
        stream = cache["ln_final.hook_normalized"]
        log_p = model.unembed(stream)[0].log_softmax(-1)
    own = [
        float(log_p[len(tokens) - 1 + place, token])
        for place, token in enumerate(best.tokens)
    ]
    shown = numbers(" ".join(pairs.locator(".number").all_inner_texts()))
    assert shown == pytest.approx(own, abs=0.0051)
    drawn = "".join(pairs.locator("strong").all_inner_texts())
    assert drawn == "".join(tokenizer.pieces(best.tokens)).replace(" ", "·")
    total, score = numbers(told(page).locator(".outcome").inner_text())
    assert total == pytest.approx(sum(own), abs=0.0051)
    assert score == pytest.approx(sum(own) / STEPS, abs=0.0051)


def test_a_click_locks_a_node_and_traces_its_logit(page, server, data):
    open_beams(page, server)
    found, model, _, tokens = search(data)
    second = found.candidates[1]
    nodes(page).nth(1).click()
    with torch.inference_mode():
        logits = model(torch.tensor([tokens]))[0, -1]
    place = f"logits[0, {len(tokens) - 1}, {second.token}]"
    line = page.get_by_text(f"{place} = {float(logits[second.token]):.4f}")
    expect(line).to_be_visible()
    expect(told(page)).to_contain_text("locked, Esc clears")
    caption = page.get_by_text(re.compile("this logit minus"))
    log_p, normalizer = numbers(caption.inner_text())
    assert log_p == pytest.approx(second.log_prob, abs=1e-4)
    assert normalizer == pytest.approx(float(logits.logsumexp(-1)), abs=1e-4)


def test_the_keyboard_walks_the_tree(page, server):
    open_beams(page, server)
    to_the_end(page)
    tree = page.get_by_label(re.compile("Tree of the search"))
    tree.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(told(page).locator(".pair")).to_have_count(2)
    page.keyboard.press("ArrowLeft")
    expect(told(page).locator(".pair")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(told(page)).to_contain_text("rank 2")
    expect(told(page)).to_contain_text("locked")
    tree.focus()
    page.keyboard.press("Escape")
    expect(told(page)).to_contain_text("Done:")


def test_the_widest_and_longest_tree_scrolls_inside_itself(page, server):
    page.set_viewport_size({"width": 390, "height": 844})
    open_beams(page, server, width="8", tokens="30")
    page.get_by_role("slider", name="Step of the search").press("End")
    expect(page.get_by_text("step 30 of 30")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    stage = page.locator(".beam_tree .stage")
    assert stage.evaluate("each => each.scrollLeft") > 1000
    assert page.locator(".beam_tree g.node").count() >= 480
