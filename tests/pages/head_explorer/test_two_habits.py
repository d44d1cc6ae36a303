"""Every head between two habits: what is drawn is what was measured."""

import numpy as np

PAGE = "pages/head_explorer/head_explorer.py"


def test_any_two_habits_can_be_chosen_and_their_code_gives_the_same(open_page):
    app = open_page(PAGE, prompt="the cat", head_tab="Every score")
    assert not app.exception
    box = app.selectbox(key="habit_y")
    box.set_value(box.options[-1]).run()
    assert not app.exception
    recipe = app.session_state["_recipes"]["two habits"]
    names = {}
    exec(recipe.lines, names)
    np.testing.assert_array_equal(names["numbers"], recipe.drawn)
    assert recipe.drawn.shape == (2, 2, 2)
    linked = open_page(
        PAGE, prompt="the cat", head_tab="Every score", habit_y=box.options[-1]
    )
    again = linked.session_state["_recipes"]["two habits"]
    np.testing.assert_array_equal(again.drawn, recipe.drawn)
    odd = open_page(PAGE, prompt="the cat", head_tab="Every score", habit_x="<b>")
    assert not odd.exception
