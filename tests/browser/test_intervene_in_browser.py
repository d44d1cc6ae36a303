"""What a reader does on the Intervene page: cut a head, patch, share the link."""

import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import torch
from navigation import open_link

from minigpt.checkpoint import load_checkpoint

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

PROMPT = "the red kite was"
OTHER = "the tan kite was"


@pytest.fixture(scope="module")
def loaded(data):
    path = data / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    return model.requires_grad_(False), tokenizer


def open_page(page, server, query: str) -> None:
    open_link(page, f"{server.url}/intervene?{query}")
    page.get_by_role("heading", name="Intervene", level=1).wait_for()


def grid(page, label: str):
    """Return one table of numbers, found by the beginning of its name."""
    return page.get_by_role("grid", name=re.compile(f"^{label}"))


def cells(table) -> list[list[str]]:
    rows = table.locator("tbody tr")
    return [row.locator("td").all_inner_texts() for row in rows.all()]


def after_cutting_a_head(model, tokens, layer, head):
    def zero(z, hook):
        z = z.clone()
        z[:, :, head] = 0
        return z

    hooks = [(f"blocks.{layer}.attn.hook_z", zero)]
    return model.run_with_hooks(tokens, hooks)[0, -1].softmax(-1)


def test_a_click_cuts_a_head_and_the_numbers_are_those_of_the_hook(
    page, server, loaded
):
    open_page(page, server, f"prompt={PROMPT}")
    page.get_by_text("Next token, whole model:").wait_for()
    parts = grid(page, "layer by columns")
    cut = parts.locator("tbody tr").nth(1).locator("td").nth(0)
    cut.click()
    sentence = page.get_by_text(re.compile("^Next token: .* → .*KL"))
    sentence.wait_for()
    expect(cut).to_have_text("0")
    model, tokenizer = loaded
    tokens = torch.tensor([tokenizer.encode(PROMPT)])
    before = model(tokens)[0, -1].softmax(-1).numpy()
    after = after_cutting_a_head(model, tokens, 1, 0).numpy()
    kl = (before * np.log(before / after)).sum()
    shown = list(map(float, re.findall(r"\d\.\d+", sentence.inner_text())))
    top = int(before.argmax())
    assert shown[:3] == pytest.approx([before[top], after[top], kl], abs=6e-4)
    page.wait_for_function("() => location.search.includes('cut=L1H0')")
    link = page.url
    assert parse_qs(urlsplit(link).query)["cut"] == ["L1H0 zero"]
    page.goto("about:blank")
    open_link(page, link)
    expect(sentence).to_be_visible()
    expect(page.get_by_text("L1H0 zero").first).to_be_visible()
    page.get_by_role("button", name="Restore").click()
    page.get_by_text("Next token, whole model:").wait_for()


def test_an_edge_is_cut_by_clicking_a_weight(page, server):
    open_page(page, server, f"prompt={PROMPT}&layer=1&head=1")
    page.get_by_role("radio", name="One attention weight").click()
    canvas = page.locator(".attention_heatmap canvas").first
    canvas.wait_for()
    page.locator(".attention_heatmap .stage").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.search.includes('L1H1%5B')")
    page.get_by_text(re.compile("^Next token: ")).wait_for()


def test_the_patch_map_shows_the_hooks_numbers_and_opens_a_cell(page, server, loaded):
    query = f"intervene=Patch&clean={PROMPT}&corrupted={OTHER}"
    open_page(page, server, query)
    table = grid(page, "position by layer")
    table.wait_for()
    model, tokenizer = loaded
    answer, rival = (
        int(re.search(r"\((\d+)\)", box.input_value())[1])
        for box in map(page.get_by_label, ("Answer (clean)", "Rival (corrupted)"))
    )
    clean, run = (torch.tensor([tokenizer.encode(text)]) for text in (PROMPT, OTHER))
    _, cache = model.run_with_cache(clean)

    def difference(text, hooks=()):
        logits = model.run_with_hooks(text, hooks)[0, -1]
        return float(logits[answer] - logits[rival])

    start, end = difference(run), difference(clean)

    def moved(layer, place):
        def carry(value, hook):
            value = value.clone()
            value[:, place] = cache[hook.name][:, place]
            return value

        patched = difference(run, [(f"blocks.{layer}.hook_resid_pre", carry)])
        return (patched - start) / (end - start)

    shown = np.array(
        [[float(text.replace("−", "-")) for text in row] for row in cells(table)]
    )
    expected = np.array(
        [[moved(0, place), moved(1, place)] for place in range(len(PROMPT))]
    )
    np.testing.assert_allclose(shown, expected, atol=6e-3)
    table.locator("tbody tr").nth(5).locator("td").nth(1).click()
    sentence = page.get_by_text(
        re.compile(r"^The residual stream at 5 e\|a in layer 1")
    )
    sentence.wait_for()
    found = float(re.search(r"moved (−?-?\d+\.\d+)", sentence.inner_text())[1])
    assert found == pytest.approx(moved(1, 5), abs=6e-4)


def test_pairs_are_measured_when_pressed_and_a_mean_is_opened_with_a_click(
    page, server
):
    open_page(page, server, "intervene=Many+prompts&pairs_measure=Lens&pairs_count=50")
    expect(page.get_by_text(re.compile("^Over 50 pairs"))).to_have_count(0)
    page.get_by_role("button", name="Measure 50 pairs").click()
    page.get_by_text(re.compile("^Over 50 pairs.*There the difference is")).wait_for()
    page.get_by_role("radio", name="Patch", exact=True).last.click()
    into_corrupted = page.locator(".st-key-pairs_map_corrupted .value_grid")
    cell = into_corrupted.locator("tbody tr").nth(1).locator("td").nth(0)
    told = re.compile(
        r"^Over 50 pairs.*patching the z of L1H0 from the clean.* "
        r"([+−]?\d\.\d\d) \(95% interval"
    )
    cell.click()
    sentence = page.get_by_text(told)
    sentence.wait_for()
    mean = told.match(sentence.inner_text())[1]
    assert cell.inner_text() == mean.removeprefix("+")


def test_a_parts_own_tour_begins_while_its_figure_is_covered(page, server):
    open_page(page, server, f"intervene=Steer&prompt={PROMPT}&cover=true")
    covered = page.get_by_text("once you have made your prediction")
    covered.wait_for()
    page.get_by_role("button", name="Take the tour").click()
    expect(page.locator(".tour .count")).to_have_text("1 of 7")
    expect(covered).to_have_count(0)
    page.keyboard.press("PageDown")
    expect(page.locator(".tour .count")).to_have_text("2 of 7")
    expect(page.get_by_role("slider", name="Strength")).to_have_value("0.3")
