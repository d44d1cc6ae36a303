"""The Training page before the start: the text, the sizes, and what it will cost."""

import streamlit as st

from minigpt.config import (
    PRESETS,
    DataConfig,
    MLPConfig,
    ModelConfig,
    RunConfig,
    TokenizerConfig,
    TrainConfig,
    get_recipe,
)
from minigpt.config.ingredients import text_recipes
from minigpt.errors import ConfigError
from minigpt.preparation.estimate import Estimate, estimate_run
from minigpt.runs import RunStore
from minigpt.training.busy import busy_sentence
from minigpt.worker import launch
from pages.frame import state, words
from pages.frame.controls import settings
from pages.frame.guard import guard
from pages.frame.remember import remember
from pages.training import experiment, race, sizes
from pages.training.text_choice import choose_text

DEFAULT = "default"
SIZES = {
    "recipe": "the sizes that the recipe was made for",
    "tiny": "the smallest",
    "small": "wider: reads better, takes longer",
    "medium": "needs a GPU",
    "large": "GPT-2's size: needs a GPU",
    "mlp": "no attention: a baseline as in 2003",
}
COPY = "to copy: an experiment of a minute"
RACE = "a text, two recipes in a race"
BIG = "how big?: sizes in a row"
A_TEXT = "a text"
AIMS = (A_TEXT, COPY, RACE, BIG)
TEXT, MODEL, START = "training_text", "training_model", "training_start"
"""Keys of the page's regions, which its tour lights."""
SETTLED = (
    *("max_steps", "num_epochs", "device", "num_threads", "compile", "shard"),
    *("tensorboard", "wandb_project"),
)


def show(store: RunStore) -> DataConfig | None:
    """Show the choices and the start button.

    Returns:
        The text to learn from; None where none is chosen here, or not yet.
    """
    aim = st.segmented_control(
        "What to learn",
        AIMS,
        default=A_TEXT,
        required=True,
        key="aim",
        **state.BOUND,
    )
    if aim == COPY:
        experiment.choose(store)
    elif aim == RACE:
        race.choose(store)
    elif aim == BIG:
        sizes.choose(store)
    else:
        return show_text(store)
    return None


def show_text(store: RunStore) -> DataConfig | None:
    """Show the choices for a training on a text, and return the text."""
    left, right = st.columns(2, gap="large")
    data = config = None
    with left, st.container(key=TEXT):
        st.subheader("1 · The text", anchor=False)
        with guard():
            data = choose_text()
    with right, st.container(key=MODEL):
        st.subheader("2 · The model", anchor=False)
        recipe = choose_recipe()
        size, steps, kind = choose_size(recipe)
    with guard():
        config = choose_all(recipe, data or DataConfig(), size, steps, kind)
    with st.container(key=START):
        st.subheader("3 · The start", anchor=False)
        show_start(store, config if data is not None else None)
    return data


def choose_recipe() -> RunConfig:
    """Let the reader choose the preset that all other settings start from."""
    names = text_recipes()
    name = st.segmented_control(
        "Recipe",
        names,
        default=DEFAULT,
        required=True,
        key="recipe",
        wrap=True,
        **state.BOUND,
        help="default: a plain GPT, trained quickly; speedrun: every known trick; "
        "gpt2: as GPT-2 was trained. A race shows how two of them differ.",
    )
    return get_recipe(name)


def choose_size(recipe: RunConfig) -> tuple[str, int | None, str]:
    """Let the reader choose a size, a number of steps and a kind of token."""
    size = st.segmented_control(
        "Size",
        list(SIZES),
        default="recipe",
        required=True,
        key="size",
        wrap=True,
        **state.BOUND,
    )
    st.caption(f"{size}: {SIZES[size]}.")
    steps_column, tokens_column = st.columns(2)
    with steps_column:
        steps = settings.field(
            recipe.train, "max_steps", f"{recipe.recipe}.train", label="Steps"
        )
    with tokens_column:
        kind = settings.field(recipe.tokenizer, "kind", "tokens", label="Tokens")
    return size, steps, kind


def choose_all(
    recipe: RunConfig, data: DataConfig, size: str, steps: int | None, kind: str
) -> RunConfig:
    """Let the reader change every other setting, and return the whole of the run.

    Raises:
        ConfigError: If the settings do not fit together.
    """
    if steps is None:
        raise ConfigError("How many steps? Type a number, 1 or more.")
    with st.expander("All settings", icon=":material/tune:"):
        tokenizer, model, train = all_settings(recipe, size, kind, steps)
    return RunConfig(
        recipe=recipe.recipe,
        model_type="mlp" if size == "mlp" else "transformer",
        data=data,
        tokenizer=TokenizerConfig(kind=kind, **tokenizer),
        transformer=recipe.transformer if size == "mlp" else ModelConfig(**model),
        mlp=MLPConfig(**model) if size == "mlp" else recipe.mlp,
        train=TrainConfig(**{**recipe.train.to_dict(), **train, "max_steps": steps}),
    )


def all_settings(
    recipe: RunConfig, size: str, kind: str, steps: int
) -> tuple[dict, dict, dict]:
    """Show every field of the configurations, starting from a recipe and a size."""
    # Another recipe's widgets are others, and start from its values.
    begin = recipe.recipe
    model_tab, train_tab, tokens_tab = st.tabs(["Model", "Training", "Tokens"])
    with model_tab:
        base: ModelConfig | MLPConfig = recipe.mlp
        if size != "mlp":
            base = recipe.transformer.replace(**PRESETS.get(size, {}))
        model = settings.edit(base, f"{begin}.model.{size}", skip=("vocab_size",))
        st.caption("vocab_size is set by the tokenizer.")
    with train_tab:
        base_train = recipe.train.replace(
            max_steps=steps, eval_interval=max(1, steps // 10)
        )
        train = settings.edit(base_train, f"{begin}.train.{steps}", skip=SETTLED)
    with tokens_tab:
        tokenizer = settings.edit(recipe.tokenizer, f"tokens.{kind}", skip=("kind",))
    return tokenizer, model, train


def show_start(store: RunStore, config: RunConfig | None) -> None:
    """Show what the run will cost, and the button that starts it."""
    estimate = None
    if config is not None:
        with guard():
            estimate = estimate_of(config)
    if estimate is not None:
        show_estimate(estimate)
    name_column, button_column = st.columns([2, 1], vertical_alignment="bottom")
    name = name_column.text_input(
        "Name of the run",
        key="run_name",
        placeholder="default: from the text and the time",
        help="a to z, 0 to 9, _ and -",
    )
    # Not a callback: it would start with the settings of the run of the page before,
    # and a number that was typed just before the click would be lost.
    if button_column.button(
        "Start training",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        disabled=estimate is None,
        help=None if estimate is not None else "Choose a text first.",
    ):
        with guard():
            run = launch.start(
                store, config, name.strip() or None, seconds=estimate.seconds
            )
            st.session_state["_started"] = run.id
            st.rerun()


def show_estimate(estimate: Estimate) -> None:
    """Show parameters, tokens and time."""
    passes = words.times(estimate.seen_tokens, estimate.text_tokens)
    with st.container(horizontal=True):
        st.metric("Parameters", words.count(estimate.num_parameters), border=True)
        st.metric("Vocabulary", f"{estimate.vocab_size:,} tokens", border=True)
        st.metric("Text", f"{words.count(estimate.text_tokens)} tokens", border=True)
        st.metric(
            "Read in training",
            f"{words.count(estimate.seen_tokens)} tokens",
            delta=f"the text {passes} over",
            delta_color="off",
            delta_arrow="off",
            border=True,
        )
        st.metric("Time, roughly", words.duration(estimate.seconds), border=True)
    if busy := busy_sentence(estimate.slower):
        st.caption(busy)


def open_started() -> None:
    """Choose the run that was just started. Call this before the widget of the run."""
    run_id = st.session_state.pop("_started", None)
    if run_id is not None:
        st.session_state["run"] = run_id
        state.forget_unknown("run")


estimate_of = remember(32, spinner="Reading the text …", seconds=60)(estimate_run)
"""What a run will cost."""
