"""How big?: four sizes in a row on the page, a guess, and the fifth, all for real."""

import numpy as np
import pytest

from minigpt.config import DataConfig
from minigpt.runs import RunStore
from minigpt.worker import processes
from minigpt.worker.series import (
    WIDTHS,
    find_series,
    shared_config,
    start_fifth,
    start_series,
)

PAGE = "pages/training/training.py"


def told(app):
    return " ".join(each.value for each in [*app.markdown, *app.caption])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a data directory with four finished sizes, trained in seconds."""
    data = tmp_path_factory.mktemp("sizes")
    config = shared_config(DataConfig(source="tales", tales_megabytes=0.05), 20)
    train = config.train.replace(batch_size=4, num_threads=1).to_dict()
    series = start_series(RunStore(data / "runs"), config.replace(train=train))
    assert processes.wait(series.runs[0], 500) == 0
    return data


def test_before_the_start_the_sizes_and_their_time_are_said(open_page, tmp_path):
    app = open_page(PAGE, data=tmp_path)
    (aim,) = (group for group in app.button_group if group.key == "aim")
    app = aim.set_value(aim.options[3]).run()
    assert not app.exception
    button = next(b for b in app.button if b.label == "Train the four sizes")
    assert not button.disabled
    assert "300 steps" in told(app)


@pytest.mark.slow
def test_the_line_is_drawn_to_the_fourth_until_the_fifth_is_predicted(
    open_page, trained
):
    store = RunStore(trained / "runs")
    series = find_series(store, store.list()[0])
    app = open_page(PAGE, data=trained, run=series.runs[2].id)
    assert not app.exception
    assert "What loss will it reach?" in told(app)
    statuses = [run.status() for run in series.runs]
    weights = [status.num_parameters for status in statuses]
    assert len(weights) == len(WIDTHS)
    losses = [
        [each["loss"] for each in run.metrics().records if each["kind"] == "evaluation"]
        for run in series.runs
    ]
    slope, intercept = np.polyfit(
        np.log(weights), np.log([looks[-1] for looks in losses]), 1
    )
    recipe = app.session_state["_recipes"]["sizes"]
    assert recipe.drawn == pytest.approx([slope, intercept])
    names = {}
    exec(recipe.lines, names)
    assert names[recipe.variable] == pytest.approx(recipe.drawn)
    button = next(b for b in app.button if b.key == "train_fifth")
    assert button.disabled
    assert "On the line" not in told(app)

    fifth = start_fifth(store, series, 2.345)
    assert processes.wait(fifth, 500) == 0
    app = open_page(PAGE, data=trained, run=fifth.id)
    assert not app.exception
    said = next(each.value for each in app.markdown if "You predicted" in each.value)
    status = fifth.status()
    line = np.exp(intercept + slope * np.log(status.num_parameters))
    assert "**2.345**" in said
    assert f"**{line:.3f}**" in said
    assert "On the line" in told(app)
    assert app.session_state["_recipes"]["sizes"].drawn == pytest.approx(
        [slope, intercept]
    )
