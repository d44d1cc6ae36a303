"""The part Many prompts: means over pairs, what is left out, one pair side by side."""

import numpy as np
import pytest

PAGE = "pages/intervene/intervene.py"
MANY = {"intervene": "Many prompts"}
OWN = [
    {"clean": "the red kite", "corrupted": "the tan kite", "answer": "", "rival": ""},
    {"clean": "a red kite", "corrupted": "a tan kite", "answer": "s", "rival": "t"},
    {"clean": "the red cat", "corrupted": "the red", "answer": "", "rival": ""},
    {"clean": "a hat", "corrupted": "a mat", "answer": "kite", "rival": "t"},
    {"clean": None, "corrupted": None, "answer": None, "rival": None},
]


def said(app) -> str:
    assert not app.exception
    return " ".join(part.value for part in (*app.markdown, *app.text, *app.caption))


def run_codes(app) -> set[str]:
    """Run every Code, compare with what was drawn, and return the names."""
    recipes = app.session_state["_recipes"]
    for name, recipe in recipes.items():
        names = {}
        exec(recipe.lines, names)
        np.testing.assert_allclose(
            names[recipe.variable], recipe.drawn, atol=1e-5, err_msg=name
        )
    return set(recipes)


@pytest.fixture
def own(open_page):
    """Return the page with a list of one's own, as if it had been written there."""
    app = open_page(PAGE, **MANY)
    from minigpt.interpret.pairs.pair_rows import PairRow

    app.session_state["_own_pairs"] = [
        PairRow(*(text or "" for text in row.values())) for row in OWN
    ]
    app.button_group(key="pairs_from").set_value("My own list").run()
    return app


def test_patches_attribution_and_lens_are_averaged_and_their_code_gives_the_same(
    open_page,
):
    app = open_page(PAGE, **MANY)
    assert "of held-out text: the model prefers the answer" in said(app)
    assert "from the clean into the corrupted prompt" in said(app)
    maps = {"means, clean prompts", "means, corrupted prompts"}
    assert run_codes(app) == maps
    app.button_group(key="pairs_measure").set_value("Attribution").run()
    assert "adds " in said(app)
    assert run_codes(app) == maps
    app.button_group(key="pairs_measure").set_value("Lens").run()
    assert "There the difference is" in said(app)
    assert run_codes(app) == {"lens"}


def test_two_steps_are_compared_and_a_model_with_itself_is_the_same(open_page):
    app = open_page(PAGE, **MANY, pairs_measure="Compare", pairs_against_step="10")
    assert "it changes by" in said(app)
    assert "**glass at step 10**" in said(app)
    assert run_codes(app) == {"two models", "heads of two models"}
    app.selectbox(key="pairs_against_step").set_value(100).run()
    assert "compares a model with itself" in " ".join(each.value for each in app.text)
    assert "it changes by 0.00 (95% interval 0.00 to 0.00)" in said(app)
    app.selectbox(key="pairs_against").set_value("mlp").run()
    assert not app.exception
    assert "has no attention heads" in " ".join(each.value for each in app.text)


def test_pairs_of_ones_own_that_do_not_fit_are_left_out_by_name(own):
    assert "Over **2 pairs** of my own list" in said(own)
    assert "too narrow" in said(own)
    (expander,) = (each for each in own.expander if "left out" in each.label)
    assert expander.label == "2 pairs are left out"
    table = expander.dataframe[0].value
    assert table["pair"].tolist() == [3, 4]
    assert "same number of tokens" in table["why"][0]
    assert "4 tokens for this model" in table["why"][1]
    run_codes(own)


def test_one_pair_alone_is_shown_side_by_side_and_is_what_patch_shows(own, open_page):
    box = own.selectbox(key="pairs_one")
    box.set_value(box.options[1]).run()
    assert "**Clean prompt**" in said(own)
    assert "In **pair 1** of my own list" in said(own)
    recipes = own.session_state["_recipes"]
    mean = recipes["means, corrupted prompts"].drawn
    run_codes(own)
    alone = open_page(
        PAGE, intervene="Patch", clean=OWN[0]["clean"], corrupted=OWN[0]["corrupted"]
    )
    moved = alone.session_state["_recipes"]["head map"].drawn
    np.testing.assert_allclose(mean, moved, atol=1e-5)
    own.selectbox(key="pairs_one").set_value(
        box.options[3]
    ).run()  # a pair that cannot be compared
    assert not own.exception
    assert any("None of these pairs" in text.value for text in own.text)


def test_pairs_of_a_world_that_another_model_knew_give_way(open_page):
    app = open_page(PAGE, **MANY)
    own = app.button_group(key="pairs_from").value
    app.session_state["_ready_source"] = {"pairs_from": "World of tales"}
    app.button_group(key="pairs_from").set_value("World of tales").run()
    assert app.button_group(key="pairs_from").value == own == "Held-out text"


def test_many_pairs_wait_to_be_asked_for(open_page):
    app = open_page(PAGE, **MANY, pairs_count="50", pairs_measure="Lens")
    assert "Over **" not in said(app)
    app.button(key="measure_pairs").click().run(timeout=120)
    assert "Over **" in said(app)


@pytest.mark.parametrize("place", ["9.9.9", "x", "1.0", "0.1.1"])
def test_a_link_to_a_mean_that_is_not_there_does_no_harm(open_page, place):
    app = open_page(PAGE, **MANY, pairs_mean=place)
    assert "**L" in said(app)
    assert ("pairs_mean" in app.query_params) is (place == "0.1.1")
    if place == "0.1.1":
        assert "of **L1H1** from the corrupted into the clean prompt" in said(app)
