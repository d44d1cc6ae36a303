"""From examples of one's own to a model that answers, without leaving the browser."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from navigation import press_stop, see_steps, settle

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.config import FinetuneConfig, RunConfig, TrainConfig
from minigpt.datasets.conversation_files import read_conversations
from minigpt.datasets.tales.story import generate_tales
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.supervised import learned_tokens
from minigpt.model import create_model
from minigpt.runs import RunStore
from minigpt.tokenizers import BPETokenizer
from minigpt.worker.worker import train_run

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.slow]

MODELS = Path(__file__).parents[2] / "data" / "models"
EXAMPLES = "\n".join(
    json.dumps({"instruction": f"Who had the {thing}?", "output": f"{name} had it."})
    for name, thing in [("Mia", "kite"), ("Tom", "drum"), ("Ann", "boat")] * 4
)


@pytest.fixture(scope="module")
def server(chromium_program, serve_app, tmp_path_factory):
    """Start a server for the runs of several tests."""
    with serve_app(tmp_path_factory.mktemp("tunings")) as running:
        yield running


@pytest.fixture(scope="module")
def base(server):
    """Give the server a small untrained base."""
    tokenizer = BPETokenizer(320)
    tokenizer.build_vocab(generate_tales(20_000))
    torch.manual_seed(0)
    sizes = {"d_model": 16, "num_layers": 1, "num_heads": 2, "max_seq_len": 64}
    model = create_model("transformer", vocab_size=tokenizer.vocab_size, **sizes)
    return save_checkpoint(server.data / "models" / "tales", model, tokenizer)


def open_page(page, url, query=""):
    page.goto(f"{url}/finetuning?{query}")
    page.get_by_role("heading", name="Fine-tuning").wait_for()
    # The first look opens a model and reads examples: what comes later moves nothing.
    page.locator(".masked_loss .chip.learned").first.wait_for(timeout=120_000)


def segment(page, name):
    return page.get_by_role("button", name=name, exact=True).or_(
        page.get_by_role("radio", name=name, exact=True)
    )


def badge(page, state):
    return page.locator(".stMarkdownBadge", has_text=re.compile(rf"{state}$"))


def shown_losses(page, line):
    """Read the numbers under the answer's tokens in one model's line."""
    answer = page.locator(".masked_loss .turn.answer .line").nth(line)
    return [float(text) for text in answer.locator(".number").all_inner_texts()]


def test_paste_tune_stop_resume_and_see_before_and_after(page, server, base):
    open_page(page, server.url)
    segment(page, "paste").first.click()
    field = page.get_by_label("Your examples, one JSON object per line")
    field.fill(EXAMPLES + '\n{"instruction": "Who?", "output": 7}')
    field.press("Control+Enter")
    page.get_by_text("line 13: output is 7: it must be text").wait_for()
    start = page.get_by_role("button", name="Start fine-tuning")
    expect(start).to_be_disabled()
    field.fill(EXAMPLES)
    field.press("Control+Enter")
    page.locator(".masked_loss .chip.learned").first.wait_for()
    segment(page, "LoRA").first.click()
    settle(page)  # another method brings other defaults, and new fields for them
    steps = page.get_by_label("max_steps", exact=True)
    steps.fill("3000")
    steps.press("Tab")
    page.get_by_text("weights are trained").wait_for()
    expect(start).to_be_enabled()
    name = page.get_by_role("textbox", name="Name of the run")
    name.fill("mine")
    name.press("Tab")
    start.click()

    badge(page, "running").wait_for(timeout=90_000)
    page.wait_for_url(re.compile("tuning=mine"))
    run = RunStore(server.data / "runs").open("mine")
    see_steps(page)
    press_stop(page)
    badge(page, "stopped").wait_for(timeout=90_000)
    run.write_config(
        run.config.replace(
            train=run.config.train.replace(max_steps=run.status().step + 5).to_dict()
        )
    )
    page.get_by_role("button", name="Resume", exact=True).click()
    badge(page, "finished").wait_for(timeout=120_000)

    page.locator(".masked_loss .turn.answer .line").nth(1).wait_for()


@pytest.fixture
def thin(server, base):
    """Give the server a run that is finished: a LoRA adapter, a few steps old."""
    examples = server.data / "examples.jsonl"
    examples.write_text(EXAMPLES, encoding="utf-8")
    settings = {"base": str(base), "examples": str(examples), "lora_rank": 2}
    train = {"max_steps": 6, "batch_size": 4, "eval_interval": 6, "num_threads": 1}
    config = RunConfig(
        finetune=FinetuneConfig(**settings),
        train=TrainConfig(learning_rate=0.01, **train),
    )
    run = RunStore(server.data / "runs").create(config, "thin")
    train_run(run)
    return run


def test_losses_shares_and_the_product_are_the_models_own(page, server, base, thin):
    open_page(page, server.url, "tuning=thin")
    line = page.locator(".masked_loss .turn.answer .line").nth(1)
    line.locator(".number").first.wait_for(timeout=90_000)
    (held_out,) = read_conversations(thin.config.finetune.examples)[-1:]
    for number, path in enumerate((base, thin.best)):
        who = ready_to_chat(load_checkpoint(path))
        tokens = learned_tokens(who.model, who.tokenizer, held_out)
        expected = [token.loss for token in tokens if token.is_learned]
        assert shown_losses(page, number) == pytest.approx(expected, abs=0.006)

    # A click keeps a token, and the page says where its number comes from.
    line.locator(".chip.learned").first.click()
    page.get_by_text("What was expected at").wait_for()
    segment(page, "Weights").first.click()
    page.get_by_text("weights did not change").wait_for()
    grid = page.locator(".value_grid td")
    assert grid.nth(0).inner_text() != "·"  # q of layer 0
    assert grid.nth(4).inner_text() == "·"  # the MLP's
    stage = page.locator(".low_rank .stage")
    stage.focus()
    stage.press("ArrowRight")
    stage.press("Enter")
    page.get_by_text(re.compile(r"\[0, 1\] was [+-]\d\.\d+ and is")).first.wait_for()


def test_nothing_overflows_and_the_example_can_be_read(page, server, base):
    open_page(page, server.url)
    segment(page, "paste").first.click()
    field = page.get_by_label("Your examples, one JSON object per line")
    field.fill(EXAMPLES)
    field.press("Control+Enter")
    chip = page.locator(".masked_loss .chip.learned").first
    chip.wait_for()
    settle(page)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 720})
        settle(page)
        assert page.evaluate(
            "document.documentElement.scrollWidth"
            " <= document.documentElement.clientWidth"
        )
        box = page.locator(".masked_loss").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        chip.hover()
        expect(page.locator(".masked_loss .caption")).to_contain_text("learned")


@pytest.fixture
def shipped(own_server):
    """Give the server the base and the tuned model that ship."""
    for name in ("tales", "tales-chat"):
        shutil.copytree(MODELS / name, own_server.data / "models" / name)
    return own_server


def test_known_and_new_words_are_counted_and_no_answer_is_cut_off(page, shipped):
    page.goto(f"{shipped.url}/finetuning?look=Answers")
    tables = page.get_by_test_id("stTable")
    expect(tables).to_have_count(2, timeout=120_000)
    row = tables.first.locator("tbody tr")
    expect(row.nth(1)).to_contain_text("not asked")
    known = row.nth(0).inner_text()
    segment(page, "words it never met").first.click()
    expect(row.nth(1)).not_to_contain_text("not asked", timeout=120_000)
    assert row.nth(0).inner_text() == known
    page.get_by_role("button", name="Ask 12 more").click()
    expect(row.nth(1)).to_contain_text("of 18", timeout=240_000)
    for cell in tables.nth(1).locator("td").all():
        assert cell.evaluate("e => e.scrollWidth <= e.clientWidth")
    box = tables.nth(1).bounding_box()
    assert box["x"] + box["width"] <= 1280
