"""The Training page while two runs race, and after: curves over seconds, who leads."""

from collections.abc import Callable

import streamlit as st

from minigpt.config.ingredients import differences
from minigpt.errors import MinigptError
from minigpt.model.sizes import training_flops_per_token
from minigpt.runs import Run, RunStatus
from minigpt.runs.race_results import (
    Lane,
    RaceResult,
    current_result,
    final_result,
    lane,
)
from minigpt.textbook.journal import records_of
from minigpt.training.optimizer import build_optimizer
from minigpt.worker import launch
from minigpt.worker.racing import Race
from pages.frame import lesson, notebook, state, words
from pages.frame.guard import guard, show_problem
from pages.frame.questions import check
from pages.frame.runs import history, progress, turn
from pages.training import together
from pages.training.race_questions import about_race
from viz.race import Track, race_curve


def show(race: Race) -> None:
    """Show a race; while one of the two is at work, keep refreshing."""
    alive = _alive(race)
    live = st.fragment(
        _show_now, run_every=together.EVERY_SECONDS if any(alive) else None
    )
    live(race, alive)


def _alive(race: Race) -> tuple[bool, ...]:
    return tuple(run.status().is_alive for run in race)


def names_of(race: Race) -> tuple[str, str]:
    """Name the racers by their recipes, with what the first goes without."""
    one, other = race.first.config, race.second.config
    if one.recipe != other.recipe:
        return one.recipe, other.recipe
    return f"{one.recipe} (first)", f"{other.recipe} (second)"


def _show_now(race: Race, alive: tuple[bool, ...]) -> None:
    with guard():
        if _alive(race) != alive or state.is_leaving():
            st.rerun()  # the whole page, which a fragment's own run is not
        statuses = [run.status() for run in race]
        lanes = [
            lane(history.metrics(run), finished=status.state == "finished")
            for run, status in zip(race, statuses, strict=True)
        ]
        names = names_of(race)
        _show_header(race, statuses, names)
        _show_verdict(lanes, names)
        _show_curve(race, statuses, lanes, names)
        racers = zip(st.columns(2), names, race, statuses, lanes, strict=True)
        for cell, *racer in racers:
            with cell:
                _show_racer(*racer)
        if not any(alive) and final_result(*lanes) is not None:
            _explain(race, lanes, names)
            check([[each] for each in about_race(lanes, statuses, names)])


def _show_header(race: Race, statuses: list[RunStatus], names: tuple[str, str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        turn.look(race)
        turn.show(race, _do_one, key="withdraw_race")
        if any(status.is_alive and status.pid is not None for status in statuses):
            st.button(
                "Stop both",
                icon=":material/stop:",
                key="stop_race",
                help="Each run saves a checkpoint first, so nothing is lost.",
                disabled=all(
                    run.stop_requested or not status.is_alive
                    for run, status in zip(race, statuses, strict=True)
                ),
                on_click=_do,
                args=(Run.request_stop, [r for r in race if r.status().is_alive]),
            )
        elif not any(status.is_alive for status in statuses) and any(
            status.can_resume for status in statuses
        ):
            st.button(
                "Resume both",
                icon=":material/play_arrow:",
                type="primary",
                key="resume_race",
                on_click=_do_one,
                args=(
                    launch.resume_together,
                    [r for r in race if r.status().can_resume],
                ),
            )
        if not any(status.is_alive for status in statuses):
            _show_ways_on(race, names)
    for status in statuses:
        if status.error:
            show_problem(status.error)
    if problem := st.session_state.pop("_race_problem", None):
        show_problem(problem)


def _show_ways_on(race: Race, names: tuple[str, str]) -> None:
    """Show the buttons that open either model, or both, elsewhere."""
    for run, name in zip(race, names, strict=True):
        if run.best is not None:
            st.button(
                f"Open {name} in the Head explorer",
                icon=":material/grid_view:",
                key=f"explore_{run.id}",
                on_click=state.go_to,
                args=("pages/head_explorer/head_explorer.py",),
                kwargs={"model": run.id},
            )
    if all(run.best is not None for run in race):
        st.button(
            "Compare the two",
            icon=":material/compare:",
            type="primary",
            key="compare_race",
            on_click=state.go_to,
            args=("pages/compare/compare.py",),
            kwargs={"model": race.first.id, "against": race.second.id},
        )


def _show_verdict(lanes: list[Lane], names: tuple[str, str]) -> None:
    """Say who leads, or who won and how much sooner."""
    ended = final_result(*lanes)
    now = ended or current_result(*lanes)
    if now is None:
        st.markdown("Both are getting ready: reading the text, building the model.")
        return
    if now.leader is None:
        st.markdown(
            f"**A tie**: {now.losses[0]:.2f} and {now.losses[1]:.2f} nats. A "
            "difference below 0.02 may be chance."
        )
        return
    leader, loser = now.leader, 1 - now.leader
    gap = now.losses[loser] - now.losses[leader]
    if ended is None:
        st.markdown(
            f"**{words.plain(names[leader])} leads** by {gap:.2f} nats at second "
            f"{now.place:.0f}: {now.losses[leader]:.2f} against "
            f"{now.losses[loser]:.2f}."
        )
        return
    st.markdown(
        f"**{words.plain(names[leader])} won**: {now.losses[leader]:.3f} against "
        f"{now.losses[loser]:.3f} nats on all held-out text."
        f"{_sooner(lanes, ended, names)}"
    )


def _sooner(lanes: list[Lane], ended: RaceResult, names: tuple[str, str]) -> str:
    """Say when the winner had reached what the other ended with."""
    winner, loser = ended.leader or 0, 1 - (ended.leader or 0)
    when = lanes[winner].seconds_to(ended.losses[loser])
    if when is None or when <= 0:
        return ""
    took = float(lanes[loser].seconds[-1])
    return (
        f" It reached {words.plain(names[loser])}'s last loss after {when:.0f} s of "
        f"training instead of {took:.0f}: **{took / when:.1f} times** as fast."
    )


def _show_racer(name: str, run: Run, status: RunStatus, each: Lane) -> None:
    """Show one racer's state and numbers on a card."""
    colour, icon = progress.BADGES[status.state]
    with st.container(border=True, key=f"racer_{run.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{words.plain(name)}**", width="content")
            st.badge(status.state, color=colour, icon=icon)
        with st.container(horizontal=True):
            total = f" / {status.total_steps:,}" if status.total_steps else ""
            st.metric("Step", f"{status.step:,}{total}")
            over = each.seconds
            loss = each.loss_at(over[-1], over) if len(over) else None
            st.metric("Training loss", "–" if loss is None else f"{loss:.3f} nats")
            speed = status.tokens_per_second
            st.metric(
                "Speed", "–" if speed is None else f"{words.count(speed)} tokens/s"
            )


def _show_curve(
    race: Race, statuses: list[RunStatus], lanes: list[Lane], names: tuple[str, str]
) -> None:
    if not any(len(each.seconds) for each in lanes):
        st.skeleton(height=300)
        return
    baselines = statuses[0].baselines or statuses[1].baselines
    shown = {name: baselines[name] for name in ("uniform", "bigram") if baselines}
    tracks = [
        Track(name, each.seconds, each.smooth(each.seconds), each.looks)
        for name, each in zip(names, lanes, strict=True)
    ]
    st.vega_lite_chart(race_curve(tracks, shown, height=300).spec)
    st.caption(
        "Lines: loss on the training text; each point is the mean over the last "
        "tenth of the time so far. Dots: loss on part of the held-out text. The "
        "clock stops during evaluations and saves."
    )
    journals = ", ".join(history.records_call(run, "step") for run in race)
    notebook.show(
        "race",
        records_of,
        "[[[r['elapsed_seconds'], r['loss']] for r in records] "
        f"for records in [{journals}]]",
        drawn=[
            [list(point) for point in zip(each.seconds, each.losses, strict=True)]
            for each in lanes
        ],
        begin="",
    )


def _explain(race: Race, lanes: list[Lane], names: tuple[str, str]) -> None:
    """Say whether speed or learning decided it, with the numbers of this race."""
    by_tokens = current_result(*lanes, by="tokens")
    if by_tokens is None:
        return
    apart = len(differences(race.first.config, race.second.config))
    first, second = (words.plain(name) for name in names)
    one, other = by_tokens.losses
    flops = [training_flops_per_token(run.config.model) for run in race]
    lesson.explain(
        "**Two things decide the race: how many tokens are read per second, and "
        f"how much is learned from each.** After {words.count(by_tokens.place)} "
        f"tokens {first} was at {one:.2f} nats and {second} at {other:.2f}; a "
        f"token takes {words.count(flops[0])} operations in the one and "
        f"{words.count(flops[1])} in the other. The recipes differ in {apart} "
        "ingredients: race again with one of them switched off to see what it "
        "contributes. A race uses only one seed: a difference below 0.02 nats "
        "may be chance.",
        build_optimizer,
        differences,
    )


def _do(action: Callable[[Run], None], runs: list[Run]) -> None:
    for run in runs:
        _do_one(action, run)


def _do_one(action: Callable[..., None], *arguments: object) -> None:
    try:
        action(*arguments)
    except MinigptError as error:
        st.session_state["_race_problem"] = str(error)
