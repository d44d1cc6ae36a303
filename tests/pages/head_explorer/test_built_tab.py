"""What built a head: traced back and proven on a run of one's own, or said why not."""

import re
import shutil

import numpy as np
import pytest
from interpret.influence.small_runs import growing

from minigpt.runs.store import RunStore
from minigpt.worker.worker import train_run

PAGE = "pages/head_explorer/head_explorer.py"
PLACE = {"layer": "0", "head": "0", "head_tab": "What built it"}
HABIT = {"built_habit": "what came next last time"}


@pytest.fixture
def data(models, tmp_path):
    data = shutil.copytree(models, tmp_path / "data")
    train_run(RunStore(data / "runs").create(growing(), "grown"))
    return data


def press(app, key, done):
    """Press a button, and let the page run until another one or a text is there."""
    app.button(key=key).click().run()
    for _ in range(60):
        assert not app.exception
        if done(app):
            return
        app.run()
    raise AssertionError("it never ended")


def said(app, pattern):
    texts = [each.value for kind in (app.markdown, app.caption) for each in kind]
    return next(match for text in texts if (match := re.search(pattern, text)))


def test_a_head_of_an_own_run_is_traced_back_and_proven(open_page, data):
    app = open_page(PAGE, data=data, model="grown", **PLACE, **HABIT)
    assert app.selectbox(key="built_habit").value == "induction"
    press(
        app, "built_begin", lambda app: any(b.key == "built_prove" for b in app.button)
    )
    recipe = app.session_state["_recipes"]["influence"]
    names = {}
    exec(recipe.lines, names)
    np.testing.assert_allclose(names["numbers"], recipe.drawn, atol=1e-6)
    formed, read = said(app, r"formed at step (\d+).* read (\d+) windows").groups()
    assert (int(formed), int(read)) == (len(recipe.drawn), recipe.drawn.size)
    by_step = np.abs(recipe.drawn).sum(1).cumsum()
    half = int(said(app, r"in the first (\d+) steps").group(1))
    assert by_step[half - 2] < by_step[-1] / 2 <= by_step[half - 1]
    best = np.unravel_index(recipe.drawn.argmax(), recipe.drawn.shape)
    shown = said(app, r"Step (\d+), row (\d+): influence (\S+)").groups()
    assert shown == (str(best[0]), str(best[1]), f"{recipe.drawn.max():+.3g}")
    assert said(app, "equal the . copies .* in all of their 16 bits")

    press(app, "built_prove", lambda app: "proof" in app.session_state["_recipes"])
    curves = app.session_state["_recipes"]["proof"].drawn
    assert len(curves) == 3
    count = int(said(app, r"Without the (\d+) windows that helped most").group(1))
    assert count == round(0.02 * 40 * 8)
    app.segmented_control(key="built_share").set_value("0.5%").run()
    assert any(button.key == "built_prove" for button in app.button)
    assert said(app, r"^2 windows")


def test_a_model_whose_training_is_not_known_is_refused(open_page):
    app = open_page(PAGE, model="glass", **PLACE)
    assert not app.exception
    assert any("was not trained here" in each.value for each in app.text)
    assert not any(button.key == "built_begin" for button in app.button)
