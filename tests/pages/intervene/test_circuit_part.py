"""The part Circuit: what it draws is proven, and what is clicked can be opened."""

import numpy as np
import pytest

PAGE = "pages/intervene/intervene.py"
QUERY = {"intervene": "Circuit", "prompt": "the red kite"}


@pytest.fixture
def app(open_page):
    return open_page(PAGE, **QUERY)


def said(app) -> str:
    return " ".join(part.value for part in app.markdown)


def test_a_circuit_is_drawn_told_and_its_code_finds_it_again(app, open_page):
    assert not app.exception
    recipe = app.session_state["_recipes"]["circuit"]
    names = {}
    exec(recipe.lines, names)
    assert np.array_equal(names["numbers"], recipe.drawn)
    size = int(recipe.drawn.sum())
    assert f"{size} of {recipe.drawn.size} nodes" in said(app)
    left = app.dataframe[0].value["difference left"].tolist()
    assert left[0] == "100%"
    # An untrained model has no small circuit: then the page must not say so.
    is_small = size <= 0.15 * recipe.drawn.size
    assert ("There is no small circuit here" in said(app)) is not is_small

    part, position = map(int, np.argwhere(recipe.drawn)[0])
    again = open_page(PAGE, **QUERY, node=f"{part}.{position}")
    again.button(key="open_node").click().run()
    assert not again.exception
    assert again.session_state["token"] == position
    assert said(again) != said(app)


def test_a_node_that_is_not_in_the_circuit_and_another_rival_do_no_harm(open_page):
    app = open_page(PAGE, **QUERY, node="99.99", circuit_rival="nothing")
    assert not app.exception
    assert "open_node" not in [button.key for button in app.button]
    box = app.selectbox(key="circuit_rival")
    box.set_value(box.options[-1]).run()
    assert not app.exception
    assert f"not “**{box.options[-1].partition('  (')[0]}" in said(app)


def test_many_prompts_are_tried_when_they_are_asked_for(app):
    assert "prompts** of" not in said(app)
    app.button(key="try_prompts").click().run(timeout=120)
    assert not app.exception
    assert "prompts** of" in said(app) or "On none of them" in said(app)
