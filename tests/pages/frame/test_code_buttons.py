"""The lines behind every figure are run, and give the numbers that the page drew."""

import shutil

import navigation
import numpy as np
import pytest
import torch

PROMPT = "Mia had a red kite. Mia had a"


PAGES = [page.path for page in navigation.PAGES]
INSIDE = [
    page.path
    for page in navigation.PAGES
    if page.name in ("attention", "block") or page.section == "Look inside"
]


def recipes_of(app) -> dict:
    assert not app.exception
    return dict(app.session_state["_recipes"])


def run(recipe) -> object:
    names: dict[str, object] = {}
    exec(recipe.lines, names)
    return names[recipe.variable]


def assert_same(found, drawn, where: str) -> None:
    if isinstance(drawn, dict):
        assert list(map(str, found)) == list(map(str, drawn)), where
        for (name, one), other in zip(drawn.items(), found.values(), strict=True):
            assert_same(other, one, f"{where}[{name!r}]")
        return
    if isinstance(found, torch.Tensor):
        found = found.detach().numpy()
    np.testing.assert_allclose(
        np.asarray(found, dtype=float),
        np.asarray(drawn, dtype=float),
        rtol=1e-4,
        atol=1e-4,
        err_msg=where,
    )


def test_the_navigation_is_found():
    assert "pages/head_explorer/head_explorer.py" in PAGES
    assert len(set(PAGES)) == len(PAGES) >= 9


@pytest.mark.parametrize("page", PAGES)
def test_the_code_under_every_figure_gives_the_numbers_drawn(page, open_page):
    app = open_page(page, prompt=PROMPT)
    for name, recipe in recipes_of(app).items():
        assert_same(run(recipe), recipe.drawn, f"{page}: {name}")


@pytest.mark.parametrize("page", INSIDE)
def test_every_page_that_looks_inside_has_a_code_button(page, open_page):
    assert recipes_of(open_page(page, prompt=PROMPT)), f"{page} has no Code button"


@pytest.mark.parametrize("prompt", ["a 'quoted' \"cat\"", "back\\slash\nnew {line}"])
def test_a_prompt_with_odd_characters_survives_in_the_code(prompt, open_page):
    app = open_page("pages/head_explorer/head_explorer.py", prompt=prompt)
    for name, recipe in recipes_of(app).items():
        assert_same(run(recipe), recipe.drawn, name)


def test_a_path_with_odd_characters_survives_in_the_code(open_page, models, tmp_path):
    odd = tmp_path / 'it\'s "odd" {naïve} data'
    shutil.copytree(models, odd)
    app = open_page("pages/head_explorer/head_explorer.py", data=odd, prompt="the cat")
    recipes = recipes_of(app)
    assert recipes
    for name, recipe in recipes.items():
        assert "naïve" in recipe.lines
        assert_same(run(recipe), recipe.drawn, name)


def test_of_a_prompt_that_was_cut_the_code_reads_the_same_end(open_page):
    app = open_page("pages/head_explorer/head_explorer.py", prompt="abcd " * 20)
    app.checkbox[0].check().run()
    recipes = recipes_of(app)
    assert recipes
    for name, recipe in recipes.items():
        assert "[-64:]" in recipe.lines
        assert_same(run(recipe), recipe.drawn, name)
