"""Training's tours: what they say is what the page shows at that stop."""

import math

import pytest

from minigpt.config import get_recipe
from minigpt.runs import RunStore
from minigpt.worker.worker import train_run

PAGE = "pages/training/training.py"


def metrics(app) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_before_any_run_the_tour_tells_the_numbers_on_the_screen(
    open_page, tmp_path, walk
):
    app = open_page(PAGE, data=tmp_path)
    # A setting of the reader's own does not make the tour's numbers wrong.
    app.number_input(key="default.model.recipe.d_model").set_value(64).run()
    biases = app.selectbox(key="default.model.recipe.qkv_bias")
    parameters = metrics(app)["Parameters"]
    assert metrics(biases.set_value("yes").run())["Parameters"] != parameters
    assert metrics(biases.set_value("no").run())["Parameters"] == parameters
    seen = []
    for stop in walk(app):
        shown = metrics(app)
        seen.append(stop.region)
        if "such pieces" in stop.words:
            assert shown["Text"].removesuffix(" tokens") in stop.words
        if " nats. Training begins" in stop.words or "Compare losses" in stop.words:
            size = shown["Vocabulary"].removesuffix(" tokens")
            loss = math.log(int(size.replace(",", "")))
            assert f"ln {size}, which is {loss:.2f} nats" in stop.words
        if "weights or parameters" in stop.words:
            assert f"has {shown['Parameters']} of them" in stop.words
            tiny = shown["Parameters"]
        if "goes in steps" in stop.words:
            assert "100 steps × 16 × 128 are 204,800 tokens" in stop.words
            assert shown["Read in training"] == "205 k tokens"
            assert shown["Parameters"] != tiny
        if "two recipes" in stop.words:
            switches = [each for each in app.toggle if each.key.startswith("race.")]
            assert f"in {len(switches)} ingredients" in stop.words
        if "guessing" in stop.words:
            dotted = next(c.value for c in app.caption if "Dotted" in c.value)
            assert dotted.split()[1] in stop.words
    assert len(set(seen)) == 6


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """Return a data directory with a short run on repeated words."""
    data = tmp_path_factory.mktemp("short")
    recipe = get_recipe("induction-live")
    train = recipe.train.replace(max_steps=12, eval_interval=6)
    train_run(
        RunStore(data / "runs").create(recipe.replace(train=train.to_dict()), "short")
    )
    return data


def test_the_tour_of_a_run_steps_through_its_snapshots(open_page, short, walk):
    app = open_page(PAGE, data=short, run="short")
    run = RunStore(short / "runs").open("short")
    snapshots, sliders = run.snapshots(), []
    for stop in walk(app):
        moment = app.select_slider(key="film_short").value
        if stop.region == "run_heads":
            step = snapshots.steps[-1] if moment == "latest" else moment
            scores = snapshots.load(step).scores.previous_token
            assert f": {scores.max():.2f} of its attention" in stop.words
            assert f"step {step}" in stop.words
            sliders.append(moment)
        if "held out" in stop.words:
            loss = metrics(app)["Validation loss"]
            assert f"{float(loss.split()[0]):.2f} nats" in stop.words
    assert sliders == [0, snapshots.steps[len(snapshots.steps) // 2], "latest"]
