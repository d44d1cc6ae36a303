"""Training: choose a text and a size, start, and watch a model learn.

Learning goal: a loss means something beside its baselines, and heads form in steps.
Training is a process of its own; this page and the process share the run's directory.
"""

import streamlit as st

from minigpt.places import data_directory
from minigpt.runs import RunStore
from minigpt.training.loss import language_model_loss
from minigpt.training.optimizer import build_optimizer
from minigpt.worker.racing import find_race
from minigpt.worker.series import find_series
from pages.frame import lesson, state
from pages.frame.controls import tour
from pages.frame.guard import guard
from pages.frame.runs import history
from pages.training import (
    race_watch,
    run_tour,
    set_up,
    sizes_watch,
    together,
    watch,
)
from pages.training import tour as training_tour

NEW = "new run"

tour_button = lesson.open(
    "Training",
    "What the loss means, and how attention heads form: slowly at first, "
    "then all at once.",
)
store = RunStore(data_directory() / "runs")
with guard():
    runs = store.list()
    set_up.open_started()
    state.keep_possible("run", [NEW, *(run.id for run in runs)], "run")
    chosen = st.selectbox(
        "Run",
        [NEW, *(run.id for run in runs)],
        key="run",
        on_change=state.forget_unknown,
        args=("run",),
        help=(
            "Start a new run, or watch an earlier one. The page's address keeps the "
            "choice."
        ),
        **state.BOUND,
    )
    if chosen == NEW:
        text = set_up.show(store)
        tour.offer(tour_button, lambda: training_tour.stops(text))
        watch.show_list(runs)
        lesson.source(language_model_loss, build_optimizer)
    else:
        run = store.open(chosen)
        race, series = find_race(store, run), find_series(store, run)
        if series is not None and together.is_wanted("all sizes", key="watch_sizes"):
            sizes_watch.show(series, store)
        elif race is not None and together.is_wanted("the race", key="watch"):
            race_watch.show(race)
        else:
            status, records = run.status(), history.metrics(run)
            if run_tour.may_be_shown(run, status, records):
                tour.offer(tour_button, lambda: run_tour.stops(run, status, records))
            watch.show(run)
