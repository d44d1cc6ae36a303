"""From a text of one's own to a model that writes, without leaving the browser."""

import json
import re

import navigation
import pytest
import torch

from minigpt.checkpoint import load_checkpoint
from minigpt.config import RunConfig
from minigpt.datasets.tales.story import generate_tales
from minigpt.interpret.heads.scores import head_scores
from minigpt.runs import RunStore
from minigpt.runs.learning_to_copy import read_copying
from minigpt.worker.worker import train_run

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.slow]

SMALL = {"d_model": 16, "num_layers": 1, "num_heads": 2, "max_seq_len": 32}


@pytest.fixture(scope="module")
def server(chromium_program, serve_app, tmp_path_factory):
    """Start a server without any model, for the runs of all tests."""
    with serve_app(tmp_path_factory.mktemp("runs")) as running:
        yield running


def set_number(page, label: str, value: int) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Tab")
    page.wait_for_function("() => !document.querySelector('[data-stale=true]')")


def badge(page, state: str):
    return page.locator(".stMarkdownBadge", has_text=re.compile(rf"{state}$"))


def run_named(server, beginning: str):
    """Return the only run whose name begins so."""
    runs = RunStore(server.data / "runs").list()
    (run,) = (run for run in runs if run.id.startswith(beginning))
    return run


def test_upload_train_reload_stop_resume_finish_open_and_generate(page, server):
    page.goto(server.url + "/training")
    page.get_by_role("heading", name="Training").wait_for()
    page.get_by_role("button", name="upload").or_(
        page.get_by_role("radio", name="upload")
    ).first.click()
    text = generate_tales(60_000).encode()
    upload = {"name": "My Tales.txt", "mimeType": "text/plain", "buffer": text}
    page.locator("input[type=file]").set_input_files(upload)
    page.get_by_text("All settings").click()
    for label, value in SMALL.items():
        set_number(page, label, value)
    set_number(page, "Steps", 3000)
    page.get_by_role("button", name="Start training").click()

    badge(page, "running").wait_for()
    page.wait_for_url(re.compile(r"run=my-tales-"))
    navigation.see_steps(page)
    page.reload()
    badge(page, "running").wait_for()
    navigation.press_stop(page)
    badge(page, "stopped").wait_for()
    run = run_named(server, "my-tales-")
    stopped_at = run.status().step
    assert 20 <= stopped_at < 3000

    last = stopped_at + 20  # nobody shall wait for the rest
    train = run.config.train.replace(max_steps=last)
    run.write_config(run.config.replace(train=train.to_dict()))
    page.get_by_role("button", name="Resume", exact=True).click()
    badge(page, "finished").wait_for(timeout=120_000)
    assert run.status().step == last
    steps = [
        record["step"]
        for line in (run.path / "metrics.jsonl").open(encoding="utf-8")
        if (record := json.loads(line)).get("kind") == "step"
    ]
    assert max(steps) == last
    page.get_by_text("bigram", exact=False).first.wait_for()

    page.get_by_role("button", name="Open in the Head explorer").click()
    page.get_by_role("heading", name="Head explorer").wait_for()
    page.get_by_test_id("stSidebar").get_by_text("my-tales-").first.wait_for()
    page.get_by_label("Prompt", exact=True).fill("the red kite")
    page.get_by_label("Prompt", exact=True).press("Enter")
    # Which head and token the lesson opens on, the trained weights decide.
    traced = re.compile(r"blocks\.0\.attn\.hook_pattern\[0, [01], \d+, ")
    page.get_by_text(traced).first.wait_for()

    navigation.stand_still(page)
    page.get_by_role("link", name="Generation").click()
    page.get_by_role("heading", name="Generation").wait_for()
    navigation.stand_still(page)
    set_number(page, "max_new_tokens", 12)
    page.get_by_role("button", name="Generate").click()
    page.get_by_text("12 tokens.").wait_for()
    expect(page.locator(".token_stream .token")).to_have_count(12)


def shown_film(page, steps: list[int]) -> list[list[str]]:
    """Return what stands under the pictures of these steps: a step and a score."""
    captions = page.get_by_test_id("stCaptionContainer").filter(
        has_text=re.compile(r"^step \d+\s+[01]\.\d\d$")
    )
    expect(captions).to_have_text([re.compile(rf"^step {step}\s") for step in steps])
    return [re.findall(r"[\d.]+", text) for text in captions.all_inner_texts()]


def test_guess_a_step_and_see_the_stripe_and_the_drop_come_together(page, server):
    page.goto(server.url + "/training")
    page.get_by_role("heading", name="Training").wait_for()
    page.get_by_role("button", name="to copy").or_(
        page.get_by_role("radio", name="to copy")
    ).first.click()
    start = page.get_by_role("button", name="Start the experiment")
    expect(start).to_be_disabled()
    set_number(page, "Your guess: step", 90)
    start.click()
    badge(page, "finished").wait_for(timeout=180_000)

    run = run_named(server, "repeats")
    curve = read_copying(run.metrics().records)
    verdict = page.get_by_text("You guessed step").inner_text()
    said = [int(number) for number in re.findall(r"\d+", verdict)]
    assert said == [90, abs(90 - curve.loss_step), curve.loss_step, curve.score_step]

    # The numbers under the pictures are those of the checkpoints' own hooks.
    probe = json.loads((run.path / "snapshots/probe.json").read_text("utf-8"))["tokens"]
    steps = curve.film(4)
    film = shown_film(page, steps * 2)
    for (step, previous), (_, induction) in zip(film[:4], film[4:], strict=True):
        saved = dict(run.checkpoints())
        if int(step) not in saved:
            continue  # a picture was taken there, and no checkpoint kept
        model = load_checkpoint(saved[int(step)]).model
        with torch.inference_mode():
            _, cache = model.run_with_cache(torch.tensor([probe]))
        patterns = torch.stack([cache["pattern", layer][0] for layer in range(2)])
        scores = head_scores(patterns.numpy(), probe)
        assert any(f"{s:.2f}" == previous for s in scores.previous_token.flat)
        assert any(f"{s:.2f}" == induction for s in scores.induction.flat)
    assert page.get_by_text("L0H0").first.is_visible()


def test_a_head_of_the_film_opens_at_its_step_and_the_address_says_so(page, server):
    text = server.data / "text.txt"
    text.write_text("the cat sat on the mat. " * 200, encoding="utf-8")
    config = RunConfig(
        data={"source": str(text)},
        transformer={**SMALL, "num_layers": 2},
        train={"max_steps": 40, "batch_size": 4, "num_threads": 1},
    )
    train_run(RunStore(server.data / "runs").create(config, "film"))
    navigation.open_link(page, f"{server.url}/training?run=film")
    moment = page.get_by_role("slider", name="Step of the snapshot")
    moment.press("Home")
    moment.press("ArrowRight")
    moment.press("ArrowRight")
    page.wait_for_url("**film_film=2**")
    navigation.settle(page)
    navigation.click_thumbnail(page, 1, 0)
    page.wait_for_url("**/head_explorer?step=2&layer=1&head=0")
    page.reload()
    step = page.get_by_role("slider", name="Training step")
    expect(step).to_have_attribute("aria-valuetext", "2")


def test_a_file_that_is_no_text_is_refused_in_place(page, server):
    page.goto(server.url + "/training")
    page.get_by_role("heading", name="Training").wait_for()
    page.get_by_role("button", name="upload").or_(
        page.get_by_role("radio", name="upload")
    ).first.click()
    binary = {"name": "x.txt", "mimeType": "text/plain", "buffer": b"\x89PNG\0\xff"}
    page.locator("input[type=file]").set_input_files(binary)
    page.locator("[class*=st-key-problem_]").wait_for()
    assert page.get_by_role("button", name="Start training").is_disabled()
