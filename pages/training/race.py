"""The Training page's race before the start: two recipes, and what sets them apart.

Next: `race_watch`, which shows how it goes.
"""

from typing import Any

import streamlit as st

from minigpt.config import DataConfig, RunConfig, get_recipe
from minigpt.config.ingredients import Difference, differences, taking, text_recipes
from minigpt.errors import ConfigError
from minigpt.runs import RunStore
from minigpt.worker.racing import racing_config, start_race
from pages.frame import state
from pages.frame.controls import settings
from pages.frame.guard import guard
from pages.frame.words import plain
from pages.training.text_choice import choose_text

DIFFERENCES = "race_differences"
"""The key of the region that shows what sets the recipes apart."""
SECOND = "gpt2"
"""Who races against the first of all recipes, unless another is chosen."""


def choose(store: RunStore) -> None:
    """Show the choices, what they amount to, and the button that starts both."""
    st.markdown(
        "Two recipes read **the same text on the same clock**, each in a process "
        "of its own with one thread, so that both get the same share of the "
        "machine."
    )
    names = text_recipes()
    first, second, both = st.columns(3, gap="large")
    with first:
        one, steps = _choose_recipe("First", names, 0)
    with second:
        other, other_steps = _choose_recipe("Second", names, names.index(SECOND))
    with both:
        kind = settings.field(one.tokenizer, "kind", "race", label="Tokenizer for both")
        start = st.container()
    data = None
    with st.expander("Text for both", icon=":material/notes:"), guard():
        data = choose_text()
    tokens = one.tokenizer.replace(kind=kind)
    like = one.replace(
        data=(data or DataConfig()).to_dict(), tokenizer=tokens.to_dict()
    )
    with st.container(key=DIFFERENCES):
        left_out = _show_ingredients(one, other)
    configs = None
    with guard():
        configs = _configs(one, other, like, (steps, other_steps), left_out)
    with start:
        _offer_start(store, configs if data is not None else None)


def _choose_recipe(
    label: str, names: list[str], index: int
) -> tuple[RunConfig, int | None]:
    """Let the reader choose one racer, and how many steps it takes."""
    name = st.selectbox(
        f"{label} recipe",
        names,
        index=index,
        key=f"race_{label}",
        **state.BOUND,
    )
    recipe = get_recipe(name)
    steps = settings.field(
        recipe.train,
        "max_steps",
        f"race.{label}.{name}",
        label=f"Steps of the {label.lower()}",
    )
    return recipe, steps


def _configs(
    one: RunConfig,
    other: RunConfig,
    like: RunConfig,
    steps: tuple[int | None, int | None],
    left_out: list[str],
) -> tuple[RunConfig, RunConfig]:
    """Return what will be started.

    Raises:
        ConfigError: If a number of steps is missing, or settings do not fit together.
    """
    if steps[0] is None or steps[1] is None:
        raise ConfigError("How many steps? Type a number, 1 or more, for each.")
    changed = taking(one, other, left_out)
    return (
        racing_config(changed, like, steps[0]),
        racing_config(other, like, steps[1]),
    )


def _show_ingredients(one: RunConfig, other: RunConfig) -> list[str]:
    """Show what sets the recipes apart; return what the first goes without."""
    found = differences(one, other)
    st.subheader("How they differ", anchor=False)
    if not found:
        st.caption(
            "They do not differ: this would be a race of one recipe against itself."
        )
        return []
    st.caption(
        f"Switch an ingredient off, and the first ({one.recipe}) uses the second "
        f"one's ({other.recipe}) setting for it. This shows what the ingredient "
        "contributes."
    )
    return [
        difference.ingredient.name
        for difference in found
        if not _show_ingredient(difference, (one.recipe, other.recipe))
    ]


def _show_ingredient(difference: Difference, names: tuple[str, str]) -> bool:
    """Show one ingredient of both, with its reason; return whether its switch is on."""
    ingredient, (first, second) = difference.ingredient, names
    settings_of_both, why = st.columns([1, 1], gap="medium")
    with settings_of_both:
        is_on: bool = st.toggle(
            ingredient.name,
            value=True,
            key=f"race.{first}.{second}.{ingredient.name}",
            **state.BOUND,
        )
        ours = difference.first if is_on else difference.second
        st.markdown(
            f"{plain(first)}: {_listed(ours)}  \n"
            f"{plain(second)}: {_listed(difference.second)}"
        )
    why.markdown(f"{ingredient.why}  \n:small[{plain(ingredient.source)}]")
    return is_on


def _listed(values: dict[str, Any]) -> str:
    """List settings and values; a value that is a word says what it is of."""
    return ", ".join(
        f"`{value}`" if isinstance(value, str) else f"{plain(name)} `{value}`"
        for name, value in values.items()
    )


def _offer_start(store: RunStore, configs: tuple[RunConfig, RunConfig] | None) -> None:
    ready = configs is not None
    if st.button(
        "Start the race",
        type="primary",
        icon=":material/sports_score:",
        width="stretch",
        disabled=not ready,
        help=None if ready else "Choose a text first, and settings that fit.",
    ):
        with guard():
            race = start_race(store, *configs)
            st.session_state["_started"] = race.first.id
            st.rerun()
