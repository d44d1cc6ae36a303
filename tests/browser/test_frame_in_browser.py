"""The frame, as a reader meets it: keys, steps, a number's origin, questions, words."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
import torch
from navigation import open_link, settle

from minigpt.checkpoint import load_checkpoint

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

PROMPT = "the red kite"


def query(page) -> dict[str, str]:
    return {key: value[0] for key, value in parse_qs(urlsplit(page.url).query).items()}


def wait_for(page, **wanted: str) -> None:
    page.wait_for_function(
        """wanted => {
            const now = new URLSearchParams(location.search);
            return Object.entries(wanted).every(([k, v]) => now.get(k) === v);
        }""",
        arg=wanted,
    )


def field(page, label: str, value: object):
    expect(page.get_by_label(label, exact=True)).to_have_value(str(value))


@pytest.fixture
def explorer(page, server):
    open_link(page, f"{server.url}/head_explorer?prompt={PROMPT}")
    page.locator(".attention_heatmap .caption").wait_for()
    return page


def press(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_keys_move_token_layer_and_head_and_stay_inside(explorer):
    page = explorer
    press(page, "ArrowLeft", "ArrowLeft", "ArrowDown", "]")
    wait_for(page, token="9", layer="1", head="1")
    press(page, "ArrowDown", "ArrowDown", "]", "ArrowRight")
    wait_for(page, token="10")
    field(page, "Layer", 1)
    field(page, "Head", 1)
    press(page, *["ArrowRight"] * 5, "ArrowUp", "[")
    field(page, "Token", len(PROMPT) - 1)
    field(page, "Layer", 0)
    field(page, "Head", 0)


def test_no_key_is_lost_however_fast_they_come(explorer):
    page = explorer
    for wait in (1, 25, 70, 110, 160, 45, 90, 30, 130, 60):
        page.keyboard.press("ArrowLeft", delay=wait)  # held for as long
    field(page, "Token", len(PROMPT) - 11)
    # As the first message leaves, the next begins.
    page.keyboard.press("ArrowRight", delay=61)
    press(page, "ArrowRight", "ArrowDown")
    field(page, "Token", len(PROMPT) - 9)
    field(page, "Layer", 1)


def test_keys_that_somebody_else_wants_are_left_alone(explorer):
    page = explorer
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.click()
    press(page, "End", "ArrowLeft", "[")
    expect(prompt).to_have_value("the red kit[e")
    page.locator(".attention_heatmap .stage").focus()
    press(page, "ArrowDown", "ArrowDown")
    page.evaluate("document.activeElement.blur()")
    press(page, "Control+ArrowLeft", "Alt+ArrowDown")
    press(page, "ArrowLeft")  # the one that counts
    wait_for(page, token="10")
    field(page, "Layer", 0)


def test_a_question_mark_lists_the_keys_and_the_glossary_is_searched(explorer):
    page = explorer
    press(page, "?")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("the token before, the token after").wait_for()
    press(page, "Escape")
    dialog.wait_for(state="hidden")
    page.get_by_role("button", name="Glossary").click()
    dialog.get_by_label("Search").fill("hook_pattern")
    dialog.get_by_label("Search").press("Enter")
    expect(dialog.locator(".st-key-glossary strong")).to_have_text(["pattern"])


def test_a_numbers_origin_shows_its_operands_and_its_line(explorer, data):
    page = explorer
    line = page.locator("[class*=st-key-provenance_] code").first
    name, _, shown = line.inner_text().partition(" = ")
    layer, *index = map(int, re.findall(r"\d+", name))
    path = data / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    with torch.inference_mode():
        _, cache = model.run_with_cache(torch.tensor([tokenizer.encode(PROMPT)]))
    own = float(cache["pattern", layer][tuple(index)])
    assert shown == f"{own:.4f}"
    page.get_by_role("button", name="Where does this number come from?").click()
    working = page.locator("[class*=st-key-explained_]")
    working.get_by_text("softmax over the row").wait_for()
    first = working.locator("code").nth(1).inner_text()
    assert first.splitlines()[-1] == f"= {own:.4f}"
    scores = cache["attn_scores", layer][tuple(index[:-1])]
    assert f"exp({float(scores[index[-1]]):.4g}".replace("-", "−") in first
    assert "self.hook_pattern(" in working.locator("code").last.inner_text()


def test_the_time_machine_walks_by_button_and_by_itself(explorer):
    page = explorer
    count = page.locator(".st-key-time_machine")
    expect(count).to_contain_text("3 of 3")
    page.get_by_role("button", name="The step before").first.click()
    wait_for(page, step="10")
    expect(count).to_contain_text("2 of 3")
    page.get_by_role("button", name="Play through the steps").first.click()
    expect(count).to_contain_text("3 of 3")
    page.get_by_role("button", name="Play through the steps").first.wait_for()


def test_an_answer_is_graded_and_stays_until_another_item_is_asked_for(explorer):
    page = explorer
    question = page.locator("[class*=st-key-predict_]")
    question.get_by_role("radio").first.focus()
    press(page, "Space")
    verdict = question.get_by_text(re.compile("^[✓✗]"))
    verdict.wait_for()
    field(page, "Layer", 0)
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("a cat and a kite")
    prompt.press("Enter")
    wait_for(page, prompt="a cat and a kite")
    expect(verdict).to_have_count(1)
    question.get_by_role("button", name="Another one like it").click()
    expect(verdict).to_have_count(0)
    expect(question.get_by_role("radio").first).to_be_visible()


def test_present_mode_has_the_figure_and_the_steps_on_one_screen(page, server):
    open_link(page, f"{server.url}/head_explorer?present=1&prompt={PROMPT}")
    canvas = page.locator(".attention_heatmap canvas").first
    canvas.wait_for()
    box = canvas.bounding_box()
    assert box["y"] + box["height"] <= 720
    page.get_by_role("button", name="The step before").last.click()
    expect(page.locator(".st-key-leave_present")).to_contain_text("step 10")


def test_what_share_opens_can_be_read_in_light_and_dark(page, server):
    open_link(page, server.url)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        settle(page)
        page.get_by_role("button", name="Share").click()
        opened = page.get_by_test_id("stPopoverBody")
        for words in ("A link to this page", "Open in present mode"):
            text = opened.get_by_text(words).first
            text.wait_for()
            page.wait_for_function(
                f"node => ({CONTRAST})(node) >= 4.5", arg=text.element_handle()
            )
        page.keyboard.press("Escape")


# WCAG's contrast of a text with what the popover is painted with.
CONTRAST = """node => {
    const light = colour => {
        const [red, green, blue] = colour.match(/[0-9.]+/g).map(each => each / 255)
            .map(part => part <= 0.04045
                ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
    };
    const ground = node.closest("[data-testid=stPopoverBody]");
    const [one, other] = [node, ground].map(each => getComputedStyle(each))
        .map((style, place) => light(place ? style.backgroundColor : style.color));
    return Math.max(one, other) / Math.min(one, other);
}"""


def test_every_press_of_space_counts_however_quick(page, server):
    open_link(page, f"{server.url}/?prompt={PROMPT}")
    caption = page.locator(".journey .caption")
    caption.get_by_text("Parts only add").or_(caption).first.wait_for()
    page.evaluate(
        """() => { for (const key of [" ", " ", " "]) document.body.dispatchEvent(
            new KeyboardEvent("keydown", { key, bubbles: true, composed: true })) }"""
    )
    expect(caption).to_contain_text("blocks.0.hook_mlp_out")


def test_a_page_adds_one_entry_to_the_history_and_back_leaves_it(page, server):
    open_link(page, f"{server.url}/?prompt={PROMPT}&token=2")
    page.wait_for_function("() => window.minigptHistory")
    before = page.evaluate("history.length")
    page.get_by_role("link", name="Block 1, attention: open its page").click()
    page.get_by_role("heading", name="Attention, step by step", level=1).wait_for()
    wait_for(page, layer="1", token="2")
    settle(page)
    press(page, "]")
    wait_for(page, head="1")
    assert page.evaluate("history.length") == before + 1
    page.go_back()
    page.locator(".journey .caption").wait_for()
    assert page.evaluate("location.pathname") == "/"
