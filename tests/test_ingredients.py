"""What sets recipes apart: everything is named, and can be taken over."""

import itertools

import pytest

from minigpt.config import get_recipe
from minigpt.config.ingredients import (
    INGREDIENTS,
    SECTIONS,
    differences,
    taking,
    text_recipes,
)

PAIRS = list(itertools.permutations(text_recipes(), 2))


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_every_difference_of_two_recipes_is_an_ingredient_with_reason_and_source(
    one, other
):
    found = differences(get_recipe(one), get_recipe(other))
    assert found
    for difference in found:
        assert difference.ingredient in INGREDIENTS
        assert difference.ingredient.why.endswith(".")
        assert "20" in difference.ingredient.source
        assert difference.first.keys() == difference.second.keys()
        assert difference.first != difference.second


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_with_all_ingredients_of_another_a_recipe_is_the_other(one, other):
    one, other = get_recipe(one), get_recipe(other)
    names = [difference.ingredient.name for difference in differences(one, other)]
    assert differences(taking(one, other, names), other) == []
    assert taking(one, other, []) == one
    assert one.recipe == taking(one, other, names).recipe


def test_one_ingredient_changes_its_own_settings_and_no_others():
    one, other = get_recipe("default"), get_recipe("gpt2")
    changed = taking(one, other, ["activation"])
    assert changed.transformer.activation == "gelu"
    back = changed.replace(
        transformer=changed.transformer.replace(activation="relu2").to_dict()
    )
    assert back == one


def test_no_setting_belongs_to_two_ingredients_and_all_exist():
    named = [name for ingredient in INGREDIENTS for name in ingredient.settings]
    assert len(named) == len(set(named))
    config = get_recipe("default")
    fields = {
        name
        for section in SECTIONS
        for name in type(getattr(config, section)).model_fields
    }
    assert set(named) <= fields


def test_a_setting_without_an_ingredient_is_explained_by_its_description():
    one = get_recipe("default")
    other = one.replace(train=one.train.replace(patience=3).to_dict())
    (found,) = differences(one, other)
    assert found.first == {"patience": None}
    assert found.ingredient.why == type(one.train).model_fields["patience"].description
