"""The Training page's experiment before the start: guess when a model learns to copy.

Next: `experiment_watch`, which shows what came.
"""

import streamlit as st

from minigpt.config import ModelConfig, RunConfig, TrainConfig, get_recipe
from minigpt.datasets.repeated_words import example_window
from minigpt.errors import ConfigError
from minigpt.preparation.estimate import estimate_run
from minigpt.runs import RunStore
from minigpt.runs.learning_to_copy import keep_guess
from minigpt.worker import launch
from pages.frame import words
from pages.frame.controls import settings
from pages.frame.guard import guard
from viz.components.token_pieces.view import token_pieces
from viz.repetition import LINES, copying_curve

RECIPE = get_recipe("induction-live")
TASK = "training_task"
"""The key of the region that shows what is learned."""
SETTLED = (
    *("max_steps", "num_epochs", "device", "num_threads", "compile", "shard"),
    *("tensorboard", "wandb_project"),
)
_EMPTY: dict[str, list[float]] = {"step": [], **{name: [] for name in LINES}}


def choose(store: RunStore) -> None:
    """Show what will be learned, ask for a guess, and offer the start."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown(
            "A model of two layers, with attention only, reads **random words that "
            "are repeated**. The first time, the next word cannot be predicted. The "
            "second time, the model could copy it, if it looked back."
        )
        question, start = st.container(), st.container()
        config = None
        with guard():
            config = _settings()
    with question:
        guess = _ask((config or RECIPE).train.max_steps or 1)
    with start:
        _offer_start(store, config, guess)
    with right, st.container(key=TASK):
        _show_task(config or RECIPE, guess)


def _settings() -> RunConfig:
    """Let the reader change the experiment.

    Raises:
        ConfigError: If the settings do not fit together.
    """
    with st.expander("Change the experiment", icon=":material/tune:"):
        steps = settings.field(RECIPE.train, "max_steps", "copy", label="Steps")
        model_tab, train_tab = st.tabs(["Model", "Training"])
        with model_tab:
            model = settings.edit(
                RECIPE.transformer, "copy.model", skip=("vocab_size",), columns=2
            )
        with train_tab:
            train = settings.edit(RECIPE.train, "copy.train", skip=SETTLED, columns=2)
    if steps is None:
        raise ConfigError("How many steps? Type a number, 1 or more.")
    before = RECIPE.train.to_dict()
    return RECIPE.replace(
        transformer=ModelConfig(**model).to_dict(),
        train=TrainConfig(**{**before, **train, "max_steps": steps}).to_dict(),
    )


def _ask(steps: int) -> int | None:
    with st.container(border=True, key="predict_copying"):
        st.markdown(
            f"**Predict.** Of {steps:,} steps: at which one has the loss on repeated "
            "words fallen **halfway**?"
        )
        guess = st.number_input(
            "Your guess: step",
            min_value=1,
            max_value=steps,
            value=None,
            step=1,
            placeholder=f"1 to {steps}",
            key="guess",
            persist_state="session",
        )
    return None if guess is None else int(guess)


def _offer_start(store: RunStore, config: RunConfig | None, guess: int | None) -> None:
    missing = "Guess a step first." if guess is None else "Correct the settings first."
    ready = config is not None and guess is not None
    if st.button(
        "Start the experiment",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        disabled=not ready,
        help=None if ready else missing,
    ):
        with guard():
            run = launch.start(store, config)
            keep_guess(run, guess)
            st.session_state["_started"] = run.id
            st.rerun()
    if config is not None:
        estimate = estimate_run(config)
        st.caption(
            f"{words.count(estimate.num_parameters)} weights, "
            f"{words.count(estimate.seen_tokens)} tokens to read, roughly "
            f"{words.duration(estimate.seconds)} after the start."
        )


def _show_task(config: RunConfig, guess: int | None) -> None:
    """Show a line that the model will read, and the picture that will fill."""
    line = example_window(config.data.repeats_words, config.transformer.max_seq_len)
    token_pieces(line.pieces, line.tokens, key="copying_example")
    st.caption("One line of the training data. Equal words have equal colours.")
    st.vega_lite_chart(
        copying_curve(
            _EMPTY,
            last_step=config.train.max_steps or 1,
            uniform_loss=line.uniform_loss,
            guess=guess,
            height=260,
        ).spec
    )
    st.caption(f"Dotted: {line.uniform_loss:.2f} nats, the loss of a uniform guess.")
