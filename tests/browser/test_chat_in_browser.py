"""A reader talks to a tuned model: streamed, stopped, edited, and looked into."""

import re
import runpy
from pathlib import Path

import pytest
import torch
from navigation import open_link

from minigpt.checkpoint import load_checkpoint
from minigpt.finetuning.answering import Answer, reply
from minigpt.finetuning.conversation_tokens import Turn, messages_of
from minigpt.tokenizers.chat import encode_prompt_for_answer

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Return a data directory with `plain`, `talker`, tuned from it, and `deep`."""
    make = runpy.run_path(str(HERE.parent / "pages/make_chat_models.py"))
    data = make["make_chat_models"](tmp_path_factory.mktemp("chat"))
    return make["make_slow_model"](data)


@pytest.fixture(scope="module")
def server(data, chromium_program, serve_app):
    """Start a server that has these models."""
    with serve_app(data) as running:
        yield running


@pytest.fixture
def talker(data):
    return load_checkpoint(data / "models/talker")


def open_page(page, server, **query):
    link = "&".join(f"{key}={value}" for key, value in query.items())
    open_link(page, f"{server.url}/chat?{link}")
    page.get_by_role("heading", name="Chat", level=1).wait_for()
    page.locator(".chat_tokens .piece").first.wait_for()


def messages(page):
    return page.locator(".st-key-chat_talk").get_by_test_id("stChatMessage")


def story_of(page):
    return page.get_by_label("The story", exact=True).input_value()


def say(page, text):
    field = page.get_by_test_id("stChatInputTextArea")
    field.fill(text)
    field.press("Enter")
    page.get_by_role("button", name="Again").wait_for()


def test_a_click_asks_and_the_answer_streams_in_and_is_graded(page, server, talker):
    open_page(page, server)
    chip = page.locator(".st-key-chat_chips button").first
    question = chip.inner_text()
    chip.click()
    expect(messages(page).first).to_contain_text(question)
    page.get_by_role("button", name="Again").wait_for()
    asked = messages_of(story_of(page), [Turn(question)])
    answer = reply(talker.model, talker.tokenizer, asked)
    expect(messages(page).nth(1)).to_contain_text(answer)
    expect(messages(page).nth(1)).to_contain_text("✓ Right")
    read = encode_prompt_for_answer(asked, talker.tokenizer)
    pieces = page.locator(".chat_tokens .piece:not(.sample)")
    expect(pieces.nth(len(read) - 1)).to_have_text("<assistant>")
    expect(pieces.first).to_have_text("<user>")


def test_an_answer_can_be_stopped_on_its_way(page, server):
    open_page(page, server, who="deep")
    page.get_by_role("button", name="How it answers").click()
    field = page.get_by_label("max_new_tokens", exact=True)
    field.fill("1500")
    field.press("Tab")
    page.keyboard.press("Escape")
    field = page.get_by_test_id("stChatInputTextArea")
    field.fill("Go on.")
    field.press("Enter")
    page.locator(".st-key-chat_stop button").click()
    page.get_by_role("button", name="Again").wait_for()
    expect(messages(page).nth(1)).to_contain_text("stopped")
    expect(page.locator(".st-key-chat_stop")).to_have_count(0)


def test_an_edited_question_drops_what_follows_and_undo_brings_it_back(page, server):
    open_page(page, server)
    say(page, "Who?")
    say(page, "Where?")
    expect(messages(page)).to_have_count(4)
    messages(page).first.get_by_role("button", name="Edit").click()
    field = page.get_by_label("The question", exact=True)
    field.fill("When?")
    page.get_by_role("button", name="Ask this").click()
    expect(messages(page)).to_have_count(2)
    expect(messages(page).first).to_contain_text("When?")
    page.get_by_role("button", name="Again").wait_for()
    page.get_by_role("button", name="Undo").click()
    expect(messages(page)).to_have_count(4)
    expect(messages(page).nth(2)).to_contain_text("Where?")


def test_a_click_on_an_answers_token_shows_the_hooks_own_row(page, server, talker):
    open_page(page, server)
    page.locator(".st-key-chat_chips button").first.click()
    page.get_by_role("button", name="Again").wait_for()
    question = messages(page).first.get_by_test_id("stText").inner_text()
    page.get_by_text("Where it looks", exact=True).click()
    page.locator(".chat_tokens .piece.query").first.wait_for()
    expect(page.locator(".chat_tokens")).to_have_count(1)
    messages_read = messages_of(story_of(page), [Turn(question)])
    read = encode_prompt_for_answer(messages_read, talker.tokenizer)
    pieces = page.locator(".chat_tokens .tokens .piece")
    last = pieces.count() - 1
    pieces.nth(last).click()
    expect(pieces.nth(last - 1)).to_have_class(re.compile("query"))
    line = page.get_by_test_id("stCode").filter(has_text="hook_pattern[0, ").first
    found = re.search(
        r"blocks\.(\d+)\.attn\.hook_pattern\[0, (\d+), (\d+), (\d+)\] = ([\d.]+)",
        line.inner_text().replace("\n", " "),
    )
    layer, head, query, key = map(int, found.groups()[:4])
    assert query == last - 1 >= len(read)
    written = reply_tokens(talker, read, last - len(read))
    with torch.inference_mode():
        _, cache = talker.model.run_with_cache(torch.tensor([[*read, *written]]))
    row = cache[f"blocks.{layer}.attn.hook_pattern"][0, head, query]
    assert float(found[5]) == pytest.approx(float(row[key]), abs=6e-5)
    assert int(row.argmax()) == key
    pieces.nth(key).hover()
    caption = page.locator(".chat_tokens .caption")
    expect(caption).to_contain_text(f"weight {float(row[key]):.3f}")


def reply_tokens(talker, read, count):
    """Write greedily, with the plain model and no cache."""
    tokens = list(read)
    with torch.inference_mode():
        for _ in range(count):
            tokens.append(int(talker.model(torch.tensor([tokens]))[0, -1].argmax()))
    return tokens[len(read) :]


def test_the_base_answers_beside_it_at_the_same_time(page, server):
    open_page(page, server)
    page.get_by_text("The base", exact=True).click()
    page.get_by_label("Beside it", exact=True).wait_for()
    page.locator(".st-key-chat_chips button").first.click()
    page.get_by_role("button", name="Again").wait_for()
    beside = page.locator(".st-key-chat_beside").get_by_test_id("stChatMessage")
    expect(beside).to_have_count(2)
    expect(beside.nth(1)).to_contain_text("plain")
    question = messages(page).first.get_by_test_id("stText").inner_text()
    expect(beside.first).to_contain_text(question)


def test_a_link_opens_the_model_it_names_and_an_unknown_one_is_said(page, server):
    open_page(page, server, who="plain")
    chosen = page.get_by_role("combobox", name="Who answers")
    expect(chosen).to_have_value("plain")
    open_page(page, server, who="talkers")
    page.get_by_text("There is no model 'talkers' here.").wait_for()
    expect(chosen).to_have_value("talker")


def test_what_a_user_writes_never_becomes_markup(page, server):
    open_page(page, server)
    text = "<img src=x onerror=alert(1)> **b** $x$ <assistant>"
    say(page, text)
    expect(messages(page).first.get_by_test_id("stText")).to_have_text(text)
    assert messages(page).first.locator("img, b, strong").count() == 0
    specials = page.locator(".chat_tokens .piece.template:not(.sample)")
    expect(specials).to_have_count(2)


def test_another_story_comes_with_its_own_questions_which_can_be_asked(page, server):
    open_page(page, server)
    before = story_of(page)
    page.get_by_role("button", name="Another story").click()
    expect(page.get_by_label("The story", exact=True)).not_to_have_value(before)
    chip = page.locator(".st-key-chat_chips button").first
    question = chip.inner_text()
    chip.click()
    expect(messages(page).first).to_contain_text(question)
    page.get_by_role("button", name="Again").wait_for()


def test_the_probability_of_an_answer_opens_to_its_tokens(page, server, talker):
    open_page(page, server)
    chip = page.locator(".st-key-chat_chips button").first
    question = chip.inner_text()
    chip.click()
    page.get_by_role("button", name="Again").wait_for()
    asked = messages_of(story_of(page), [Turn(question)])
    read = encode_prompt_for_answer(asked, talker.tokenizer)
    answer = Answer(talker.model, talker.tokenizer, read)
    answer.text_in_full()
    button = page.get_by_role("button", name="Probability")
    expect(button).to_contain_text(f"{answer.probability:.3f}")
    button.click()
    rows = page.get_by_test_id("stPopoverBody").locator("tbody tr")
    expect(rows).to_have_count(len(answer.tokens))
    expect(rows.last).to_contain_text("<eos>")
