"""Settings that depend on each other, and the number of weights that follows."""

from typing import get_args

import pytest

from minigpt.config import RECIPES, ModelConfig, get_recipe
from minigpt.config.training import RecipeName
from minigpt.errors import ConfigError
from minigpt.model import create_model
from minigpt.model.sizes import num_parameters


def test_every_recipe_can_be_named_in_a_runs_configuration():
    assert list(get_args(RecipeName)) == list(RECIPES)
    assert all(get_recipe(name).recipe == name for name in RECIPES)


@pytest.mark.parametrize("recipe", ["default", "quick", "three-minutes", "ten-minutes"])
def test_the_recipes_that_differ_in_time_differ_in_sizes_alone(recipe):
    config, default = get_recipe(recipe), get_recipe("default")
    sizes = ("d_model", "num_heads", "num_layers", "max_seq_len", "dropout")
    same = {name: getattr(default.transformer, name) for name in sizes}
    assert config.transformer.replace(**same) == default.transformer
    sizes = {"max_steps": 600, "muon_learning_rate": 0.02}
    assert config.train.replace(**sizes) == default.train


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_weights_of_a_recipe_are_counted_without_building_it(recipe):
    config = get_recipe(recipe).transformer
    model = create_model("transformer", **config.to_dict())
    assert num_parameters(config) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        ((10.0,), "relative_gain has 1 numbers and num_heads is 2"),
        ((), "relative_gain has 0 numbers"),
        ((10.0, 0.0), r"relative_gain.numbers.1 is 0.0: input should be greater"),
        (101, r"relative_gain.number is 101: input should be less"),
        ("10", r"relative_gain.number is '10'"),
        (("10", 1), r"relative_gain.numbers.0 is '10'"),
        (None, "relative_gain.number is None"),
    ],
)
def test_a_gain_that_does_not_fit_is_refused(gain, words):
    with pytest.raises(ConfigError, match=words):
        ModelConfig(num_heads=2, relative_gain=gain)


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        ((4, 0, 4), "attention_window has 3 numbers and num_layers is 2: give one"),
        (-1, r"attention_window.number is -1: input should be greater"),
        ((4, 2.5), r"attention_window.numbers.1 is 2.5"),
    ],
)
def test_windows_that_fit_no_layers_are_refused(windows, message):
    with pytest.raises(ConfigError, match=message):
        ModelConfig(num_layers=2, attention_window=windows)


def test_a_window_as_long_as_the_longest_text_is_none():
    config = ModelConfig(num_layers=3, max_seq_len=8, attention_window=[8, 7, 0])
    assert config.windows == (None, 7, None)
    again = ModelConfig(**config.to_dict())
    assert again.attention_window == config.attention_window


def test_a_gain_is_kept_when_another_is_refused():
    config = ModelConfig(num_heads=2, relative_gain=[10, 1])
    with pytest.raises(ConfigError, match="3 numbers"):
        config.relative_gain = (1, 2, 3)
    assert config.relative_gain == (10, 1)


def test_a_window_too_short_to_say_anything_twice_is_refused():
    recipe = get_recipe("induction-live")
    short = recipe.transformer.replace(max_seq_len=11)
    with pytest.raises(ConfigError, match=r"max_seq_len is 11.* choose 12 or more"):
        recipe.replace(transformer=short.to_dict())


def test_yarns_ramp_needs_the_length_it_is_measured_in():
    with pytest.raises(ConfigError, match="rope_ramp is 'pairs', which needs rope_tra"):
        ModelConfig(positional_encoding="rope", rope_ramp="pairs", rope_factor=2.0)


def test_an_embedding_that_is_the_head_has_no_bias():
    with pytest.raises(ConfigError, match="head_bias is on, and the head is the embed"):
        ModelConfig(head_bias=True)
