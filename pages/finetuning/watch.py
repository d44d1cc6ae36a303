"""A fine-tuning while it runs, and after: live progress, and what it changed."""

import math
from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.datasets.conversations import Conversation, Preference
from minigpt.errors import DataError
from minigpt.preparation.finetuning import own_conversations
from minigpt.runs import Run
from minigpt.textbook.journal import records_of
from pages.finetuning import answers, heads, numbers, own_answers, questions, weights
from pages.finetuning import example as finetuning_example
from pages.finetuning.numbers import Both
from pages.finetuning.questions import Kinds
from pages.finetuning.tunings import Tuning
from pages.frame import notebook, state
from pages.frame.guard import guard, show_note
from pages.frame.questions import predict
from pages.frame.runs import history, progress
from pages.frame.words import plain
from viz.finetuning import log_prob_lines, margin_line, preference_table, wins_line

SEARCHED = 12
"""Held-out examples among which the page opens on the one that gained most."""
CHAT = "pages/chat/chat.py"
CHANGE = "tuning_change"
"""The key of the region that shows what changed."""
VIEW = "look"
"""The key of the choice of what is shown."""
EXAMPLE, ANSWERS, WEIGHTS, HEADS, PROGRESS = (
    "One example",
    "Answers",
    "Weights",
    "Heads",
    "Progress",
)


def show(tuning: Tuning) -> Kinds:
    """Show one fine-tuning: progress while it runs, then what it changed.

    Returns:
        What to ask in the end.
    """
    alive = tuning.run is not None and tuning.run.status().is_alive
    if tuning.run is not None:
        often = 2 if alive else None
        st.fragment(_show_run, run_every=often)(tuning.run, alive)
    if tuning.entry is None:
        if not alive:
            show_note("No model was saved, so there is nothing to compare yet.")
        return []
    with guard():
        shown = _show_change(tuning, alive=alive)
        examples = finetuning_example.ordered(held_out(shown))
        return questions.after_a_tuning(examples, shown)
    return []


def _show_run(run: Run, alive: bool) -> None:
    with guard():
        status = run.status()
        if status.is_alive != alive or state.is_leaving():
            st.rerun()  # the whole page, which a fragment's own run is not
        progress.show_header(run, status)
        if alive:
            progress.show_numbers(status, unit_of(run))
            show_curves(run)


def unit_of(run: Run) -> str:
    """Return what a fine-tuning's loss is counted in: DPO's is one of each pair."""
    finetune = run.config.finetune
    return "nats / pair" if finetune and finetune.method == "dpo" else "nats"


def show_curves(run: Run) -> None:
    """Show what the run has measured: its loss; of preferences, what it is made of."""
    finetune = run.config.finetune
    if finetune is None or finetune.method == "sft":
        progress.show_curve(run, run.status())
        return
    records = history.metrics(run)
    table = preference_table(records)
    if table.empty:
        st.skeleton(height=300)
        st.caption("Waiting for the first steps …")
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown("**How likely the answers are**, summed over their tokens")
        st.vega_lite_chart(log_prob_lines(table).spec)
    with right:
        st.markdown(
            "**Margin**: how much more the better answer gained than the worse, "
            "times beta"
        )
        st.vega_lite_chart(margin_line(table).spec)
        st.markdown("**Won**: share of pairs in which the better answer gained more")
        st.vega_lite_chart(wins_line(table).spec)
    st.caption("Lines: training, mean of 8 steps. Dots: held-out pairs.")
    notebook.show(
        "preferences",
        records_of,
        f"[r['margin'] for r in {history.records_call(run, 'step')}]",
        drawn=[r["margin"] for r in records if r.get("kind") == "step"],
        begin="",
    )


def _show_change(tuning: Tuning, *, alive: bool) -> Both:
    """Show what fine-tuning changed, one view at a time."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        views = [*VIEWS] if tuning.run is not None and not alive else [*VIEWS][:-1]
        view = st.segmented_control(
            "What changed",
            views,
            default=views[0],
            required=True,
            key=VIEW,
            **state.BOUND,
        )
        step = _choose_step(tuning)
    shown = numbers.both(tuning, step)
    with st.container(key=CHANGE):
        VIEWS[view](shown, row)
    return shown


def _choose_step(tuning: Tuning) -> int | None:
    """Show the saved steps of a run as a slider; the last is the default."""
    assert tuning.entry is not None
    steps = [step for step, _ in tuning.entry.steps]
    if tuning.run is None or len(steps) < 2:
        return None
    key = step_key(tuning)
    if st.session_state.get(key) not in steps:
        st.session_state.pop(key, None)
    chosen: int = st.select_slider(
        "After step",
        steps,
        value=steps[-1],
        key=key,
        width=180,
        **state.BOUND,
    )
    return chosen


def step_key(tuning: Tuning) -> str:
    """Return the name of the slider that chooses a saved step of a run."""
    return f"tuned_step_{tuning.id}"


def held_out(shown: Both) -> list[Conversation | Preference]:
    """Return held-out examples; of tales if the file is gone, which is said."""
    try:
        return numbers.held_out(shown)
    except DataError as error:
        show_note(f"{error} The examples below are from tales.")
        return numbers.held_out_tales(shown)


def _show_example(shown: Both, row: DeltaGenerator) -> None:
    examples = held_out(shown)
    some = finetuning_example.ordered(examples)[:SEARCHED]
    conversations = [each for each in some if isinstance(each, Conversation)]
    gain = numbers.opening(shown, conversations) if conversations else None
    with row:
        begin = 0 if gain is None else gain.number
        example = finetuning_example.choose(examples, shown.tuning.id, begin)
    if not predict(questions.masked([example, *examples], shown.after)):
        return
    if gain is not None and len(conversations) > 1 and example == some[gain.number]:
        st.caption(
            f"Of the {len(conversations)} shortest held-out examples, fine-tuning "
            "raised the probability of this answer most: from "
            f"{math.exp(gain.before):.1e} to {math.exp(gain.after):.2f}."
        )
    finetuning_example.show(
        example,
        {
            f"before: {shown.base_name}": shown.before,
            f"after: {shown.tuning.id}": shown.after,
        },
        [str(shown.base_path), str(shown.after_path)],
    )


def _show_answers(shown: Both, row: DeltaGenerator) -> None:
    """Show answers about tales, or to a file's questions if it has right ones."""
    finetune = shown.tuning.finetune
    if not finetune.is_own_file or finetune.method != "sft":
        answers.show(shown, row)
        return
    who = shown.after
    window = who.model.config.max_seq_len
    own_answers.show(shown, own_conversations(finetune, who.tokenizer, window))


def _show_weights(shown: Both, _row: DeltaGenerator) -> None:
    weights.show(shown)


def _show_progress(shown: Both, _row: DeltaGenerator) -> None:
    run = shown.tuning.run
    assert run is not None
    status = run.status()
    progress.show_numbers(status, unit_of(run))
    show_curves(run)
    progress.show_details(run)


VIEWS: dict[str, Callable[[Both, DeltaGenerator], None]] = {
    EXAMPLE: _show_example,
    ANSWERS: _show_answers,
    WEIGHTS: _show_weights,
    HEADS: heads.show,
    PROGRESS: _show_progress,
}


def introduce(tuning: Tuning) -> None:
    """Say in one line what was done to which base, and lead to a chat with it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_about(tuning), width="content")
        if tuning.entry is not None:
            st.button(
                "Chat with it",
                icon=":material/chat:",
                type="tertiary",
                on_click=state.go_to,
                args=(CHAT,),
                kwargs={"model": tuning.id},
            )


def _about(tuning: Tuning) -> str:
    finetune = tuning.finetune
    how = "all weights" if finetune.lora is None else f"LoRA, rank {finetune.lora.rank}"
    what = "answers" if finetune.method == "sft" else "preferences"
    base = finetune.base.rsplit("/checkpoints", 1)[0].rpartition("/")[2]
    return f"{finetune.method.upper()} · {what} · {how} · from {plain(base)}"
