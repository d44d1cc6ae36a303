"""A race in the browser: started by hand, two curves, found again, opened elsewhere."""

import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from minigpt.runs import RunStore
from minigpt.runs.race_results import final_result, lane
from minigpt.worker.racing import find_race
from viz.race import COLOURS

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.slow]


def settle(page):
    page.wait_for_function("() => !document.querySelector('[data-stale=true]')")


def set_number(page, label: str, value: float) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Tab")
    settle(page)


def columns_painted(chart, colour: str) -> int:
    """Count the columns of pixels of a chart in which a colour is to be seen."""
    picture = Image.open(io.BytesIO(chart.screenshot())).convert("RGB")
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    apart = np.abs(np.asarray(picture, int) - wanted).max(axis=2)
    return int((apart < 24).any(axis=0).sum())


def test_two_settings_race_and_are_found_again_and_compared(page, own_server):
    server = own_server
    page.goto(server.url + "/training")
    page.get_by_role("heading", name="Training").wait_for()
    page.get_by_role("button", name="two recipes").or_(
        page.get_by_role("radio", name="two recipes")
    ).first.click()
    page.get_by_text("How they differ").wait_for()
    page.get_by_text("Text for both").click()
    set_number(page, "How much, in MB", 0.05)
    set_number(page, "Steps of the first", 12)
    set_number(page, "Steps of the second", 16)
    page.get_by_text("activation", exact=True).click()
    settle(page)
    page.get_by_role("button", name="Start the race").click()

    page.wait_for_url(re.compile(r"run=race-"))
    page.get_by_role("button", name="Stop both").wait_for()
    page.reload()
    finished = page.locator(".stMarkdownBadge", has_text=re.compile("finished$"))
    expect(finished).to_have_count(2, timeout=240_000)

    store = RunStore(server.data / "runs")
    race = find_race(store, store.list()[0])
    first, second = (run.config for run in race)
    assert (first.recipe, second.recipe) == ("default", "gpt2")
    assert first.transformer.activation == "gelu"
    assert first.transformer.positional_encoding == "relative"
    assert (first.train.num_threads, second.train.num_threads) == (1, 1)
    ended = final_result(*(lane(run.metrics().records, finished=True) for run in race))
    if ended.leader is not None:
        said = page.get_by_text(re.compile(r"won: ")).inner_text()
        assert f"{ended.losses[0]:.3f}" in said
        assert f"{ended.losses[1]:.3f}" in said
    chart = page.locator("[data-testid=stVegaLiteChart]").first
    chart.wait_for()
    # Each curve is drawn from left to right, and no mark of the legend is so wide.
    for colour in COLOURS:
        assert columns_painted(chart, colour) > 100
    steps = [
        json.loads(line)["step"]
        for run in race
        for line in (run.path / "metrics.jsonl").open(encoding="utf-8")
        if '"kind": "step"' in line
    ]
    assert steps == [*range(1, 13), *range(1, 17)]

    page.get_by_role("button", name="Compare the two").click()
    page.get_by_role("heading", name="Compare").first.wait_for()
    page.wait_for_url(re.compile(f"against={race.second.id}"))
