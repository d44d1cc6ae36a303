"""The Training page's experiment: guess when a model learns to copy, then watch it."""

import streamlit as st

from minigpt.config import ModelConfig, RunConfig, TrainConfig, get_recipe
from minigpt.datasets.repeated_words import RepeatedWords, example_window
from minigpt.errors import ConfigError
from minigpt.interpret.repetition import read_repetition
from minigpt.runs import Run, RunStatus, RunStore, launch
from minigpt.runs.copying import (
    HABITS,
    Copying,
    Film,
    copying,
    film_of_strongest,
    keep_guess,
    kept_guess,
)
from minigpt.runs.estimate import estimate_run
from pages.frame import history, lesson, notebook, present, settings, words
from pages.frame.guard import guard
from pages.frame.questions import check
from pages.frame.training_questions import about_copying
from viz.components import token_pieces
from viz.repetition import LINES, copying_curve, pattern_picture

RECIPE = get_recipe("induction-live")
SETTLED = ("max_steps", "num_epochs", "device", "num_threads", "compile")
FILM = 4
_EMPTY: dict[str, list[float]] = {"step": [], **{name: [] for name in LINES}}


def choose(store: RunStore) -> None:
    """Show what will be learned, ask for a guess, and offer the start."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown(
            "A model of two layers, attention only, reads **random words said again "
            "and again**. The first time, nobody can know what comes next. The second "
            "time it could copy, if it looked back."
        )
        question, start = st.container(), st.container()
        config = None
        with guard():
            config = _settings()
    with question:
        guess = _ask((config or RECIPE).train.max_steps or 1)
    with start:
        _offer_start(store, config, guess)
    with right:
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
            f"**Predict.** Of {steps:,} steps: at which one is the loss on words said "
            "a second time **half down**?"
        )
        guess = st.number_input(
            "Your guess, a step",
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
    missing = "First guess: a step." if guess is None else "First mend the settings."
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
    st.caption("One line that it reads. One colour is one word.")
    st.altair_chart(
        copying_curve(
            _EMPTY,
            last_step=config.train.max_steps or 1,
            uniform_loss=line.uniform_loss,
            guess=guess,
            height=260,
        )
    )
    st.caption(
        f"Dotted: {line.uniform_loss:.2f} nats, what a word costs that nobody can know."
    )


def curve_of(run: Run) -> Copying | None:
    """Return what the run noted about copying so far; None for any other run."""
    return copying(history.metrics(run))


def show(run: Run, status: RunStatus, curve: Copying) -> None:
    """Show losses, scores and heads, with the guess beside what came."""
    guess = kept_guess(run)
    over = not status.is_alive
    if over:
        _show_verdict(curve, guess)
    figure, film = st.columns([5, 4], gap="medium")
    with figure:
        st.altair_chart(
            copying_curve(
                {"step": curve.steps, **{name: getattr(curve, name) for name in LINES}},
                last_step=status.total_steps or int(curve.steps[-1]),
                uniform_loss=status.uniform_loss or 0.0,
                guess=guess,
                halves=_halves(curve) if over else {},
                height=430 if present.is_on() else 350,
            )
        )
        _show_code(run, curve)
    with film:
        _show_film(run, curve)
    if over and curve.loss_step is not None:
        _explain(curve)
        check(about_copying(curve, status))


def _halves(curve: Copying) -> dict[str, int]:
    halves = {"second_loss": curve.loss_step, "induction": curve.score_step}
    return {name: step for name, step in halves.items() if step is not None}


def _show_verdict(curve: Copying, guess: int | None) -> None:
    """Say what was guessed and what came."""
    if curve.loss_step is None or curve.score_step is None:
        st.markdown("**It did not learn to copy in these steps.** The loss stayed.")
        return
    said = ""
    if guess is not None:
        off = guess - curve.loss_step
        how = "too early" if off < 0 else "too late"
        said = f"You said step **{guess}**: "
        said += f"{abs(off)} steps {how}. " if off else "exactly. "
    st.markdown(
        f"{said}The loss on words said a second time was half down at step "
        f"**{curve.loss_step}**, the best induction score half up at step "
        f"**{curve.score_step}**."
    )


def _show_film(run: Run, curve: Copying) -> None:
    """Show the two heads that copying takes, around the change."""
    snapshots = run.snapshots()
    steps = [step for step in curve.film(FILM) if step in snapshots.steps]
    films = []
    for habit, what in zip(
        HABITS, ("the previous word", "what came next last time"), strict=True
    ):
        film = film_of_strongest(snapshots, steps, habit)
        st.markdown(f"Reads {what} most: **L{film.layer}H{film.head}**")
        with st.container(key=f"film_of_{habit}"):
            _show_frames(film)
        films.append(film)
    heads = [(film.layer, film.head) for film in films]
    notebook.code(
        "film",
        f"""
film = [
    [pictures(step)["patterns"][layer, head] for step in {steps}]
    for layer, head in {heads}
]
""",
        variable="film",
        drawn=[film.patterns for film in films],
        begin=history.opening_of_pictures(run),
    )


def _show_frames(film: Film) -> None:
    dark = st.context.theme.type == "dark"
    for cell, step, pattern, score in zip(
        st.columns(FILM, gap="small"),
        film.steps,
        film.patterns,
        film.scores,
        strict=False,
    ):
        cell.image(pattern_picture(pattern, dark=dark), width="stretch")
        cell.caption(f"step {step}  \n{score:.2f}")


def _show_code(run: Run, curve: Copying) -> None:
    notebook.code(
        "copying",
        f"""
names = {tuple(LINES)!r}
noted = {{r["step"]: r for r in records if r.get("kind") == "repetition"}}
lines = [[noted[step][name] for step in sorted(noted)] for name in names]
""",
        variable="lines",
        drawn=[getattr(curve, name) for name in LINES],
        begin=history.opening(run),
    )


def _explain(curve: Copying) -> None:
    begin, end = curve.change
    dearer = ""
    if curve.first_loss_shift > 0.2:
        peak = curve.first_loss[0] + curve.first_loss_shift
        dearer = (
            f" Words said the *first* time even got dearer, up to {peak:.2f} nats: a "
            "young copier also copies where there is nothing to copy."
        )
    lesson.explain(
        "**The stripe and the drop come in the same steps.** Until about step "
        f"{begin}, words cost {curve.second_loss[0]:.2f} nats however often they were "
        "said. Copying takes two heads: one in layer 0 that reads the previous word, "
        "and one in layer 1 that looks for where the present word stood before and "
        "reads what came next. Either is useless alone, so they grow together, and by "
        f"step {end} copying works: {curve.second_loss[-1]:.2f} nats in the end."
        f"{dearer} Which head of layer 0 it would be was decided beforehand, by its "
        "larger `relative_gain`.",
        RepeatedWords,
        read_repetition,
    )
