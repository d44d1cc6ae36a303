"""A tuned lens, trained on the spot, beside the raw one."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.corpora import Divided, divided
from minigpt.interpret.stream.tuned_lens import Distances, TunedLens, tune_lens
from pages.frame import models, notebook
from pages.frame.look.waiting import in_turn
from pages.frame.questions import predict
from pages.frame.remember import identity
from pages.logit_lens import numbers, tuned_questions
from pages.logit_lens.numbers import WINDOWS, LensReading
from viz.components.value_grid.view import Grid, value_grid
from viz.lens_charts import output_distance_lines, output_distance_table
from viz.tokens import display_piece

TRAINING = "_tuning"
"""In the session: the model whose lens is in training."""

WORDS = (
    "An early layer may know the answer in a form that the unembedding cannot read. A "
    "**tuned lens** (Belrose et al. 2023) learns to translate: one affine map for each "
    "point of the stream, trained to come close to the model's own output. The "
    "model itself does not change."
)

NO_TEXT = (
    "A tuned lens is trained on the model's own text, and there is none here: this "
    "model names no text, or its file is gone, changed or too short."
)


def show(source: LensReading, position: int) -> DeltaGenerator:
    """Show the button, and the lens as far as it is trained.

    Returns:
        Where the progress of a training goes.
    """
    st.markdown(WORDS)
    checkpoint = source.checkpoint
    text = numbers.tuning_text(checkpoint)
    row = st.container(horizontal=True, vertical_alignment="center")
    if text is None:
        st.caption(NO_TEXT)
        return row
    lens = numbers.tuned_lens(checkpoint)
    is_training = _is_training(checkpoint) and not lens.is_trained
    if not lens.is_trained:
        _show_button(checkpoint, row, lens, is_training)
    if lens.step and not is_training:
        may_see = not lens.is_trained or predict(tuned_questions.nearer(source))
        if may_see:
            _show_both(source, position, text, lens)
    return row


def train(checkpoint: Checkpoint, place: DeltaGenerator) -> None:
    """Train the lens that was asked for, and run again; everything else stands.

    What was done is kept: stopped, it goes on where it was.
    """
    if not _is_training(checkpoint) or numbers.tuning_text(checkpoint) is None:
        return
    lens = numbers.tuned_lens(checkpoint)
    steps, words = range(lens.step, lens.steps), "Step {done} of {total}"
    for _ in in_turn(steps, words, before=lens.step, place=place):
        with models.turn_to_write():
            lens.advance()
    st.session_state.pop(TRAINING, None)
    st.rerun()


def _is_training(checkpoint: Checkpoint) -> bool:
    return bool(st.session_state.get(TRAINING) == identity(checkpoint))


def _show_button(
    checkpoint: Checkpoint, row: DeltaGenerator, lens: TunedLens, is_training: bool
) -> None:
    slot = row.empty()  # one button in the place of the other
    if is_training:
        slot.button("Stop", icon=":material/stop:", on_click=_set, args=(None,))
        return
    slot.button(
        "Go on" if lens.step else "Train a tuned lens",
        icon=":material/play_arrow:",
        key="tune_lens",
        on_click=_set,
        args=(identity(checkpoint),),
        help="A few seconds for a small model. If stopped, it resumes where it was.",
    )
    if lens.step:
        row.caption(f"Stopped after {lens.step} of {lens.steps} steps.")


def _set(asked: object) -> None:
    st.session_state[TRAINING] = asked


def _show_both(
    source: LensReading, position: int, text: Divided, lens: TunedLens
) -> None:
    """Show what both lenses say at the chosen token, and which is closer elsewhere."""
    found = numbers.distances(source.checkpoint)
    if found is None:
        return
    names = [point.name for point in source.lens().points]
    table = output_distance_table(names, found.raw, found.tuned)
    st.markdown(_in_words(found, text))
    left, right = st.columns(2, gap="medium")
    with left:
        _show_tokens(source, position, names, lens)
    with right:
        st.vega_lite_chart(output_distance_lines(table).spec)
        with st.container(horizontal=True):
            call = f"{_call(lens)}.distances(text.unseen).tuned"
            notebook.show(
                "Tuned lens",
                tune_lens,
                call,
                drawn=found.tuned,
                begin=_begin(source.checkpoint),
                also=[divided],
            )
            with st.popover("Table", icon=":material/table:", type="tertiary"):
                st.dataframe(table, hide_index=True)


def _show_tokens(
    source: LensReading, position: int, names: list[str], lens: TunedLens
) -> None:
    """Show the likeliest token of both lenses at every point, after one token."""
    raw, tuned = source.column(position), source.tuned_column(position)
    best = [(raw.top(at, 1)[0], tuned.top(at, 1)[0]) for at in range(len(names))]
    sure = [
        [float(raw.probabilities[at, one]), float(tuned.probabilities[at, other])]
        for at, (one, other) in enumerate(best)
    ]
    texts = [[display_piece(source.piece(int(t))) for t in both] for both in best]
    lenses = ("logit lens", "tuned lens")
    grid = Grid(
        sure,
        rows=names,
        columns=lenses,
        row_title="after",
        unit="probability",
        texts=texts,
        sentences=[
            [
                f"{which}, after {name}: “{said}” with probability {p:.4f}"
                for which, said, p in zip(lenses, *both, strict=True)
            ]
            for name, both in zip(names, zip(texts, sure, strict=True), strict=True)
        ],
        limit=1.0,
    )
    value_grid(grid, key="lens_tuned")
    notebook.show(
        "Tuned tokens",
        tune_lens,
        f"{_call(lens)}.column(tokens[0].tolist(), {position}).probabilities.max(-1)",
        drawn=[other for _, other in sure],
        begin=_begin(source.checkpoint),
        also=[divided],
    )


def _in_words(found: Distances, text: Divided) -> str:
    """Say which lens is closer to the output, on text that neither saw."""
    count, (raw, tuned) = (
        len(found.raw) - 1,
        (float(each[:-1].mean()) for each in (found.raw, found.tuned)),
    )
    where = (
        f"On {len(text.unseen)} windows of held-out text on which it was not trained "
        f"({text.description})"
    )
    means = f"on average, its KL is {tuned:.3f} nats, and the raw lens's {raw:.3f}"
    if found.closer == 0 or tuned >= raw:
        return (
            f"**Here the tuned lens is no better.** {where}, it is closer to the "
            f"model's output at {found.closer} of {count} points before the last; "
            f"{means}."
        )
    return (
        f"{where}, the tuned lens is closer to the model's output than the raw one at "
        f"**{found.closer} of {count} points** before the last: {means}."
    )


def _call(lens: TunedLens) -> str:
    return f"tune_lens(model, text.fitted, {lens.steps}, until={lens.step})"


def _begin(checkpoint: Checkpoint) -> str:
    length = numbers.window_length(checkpoint)
    drawn = f"text = divided(metadata, tokenizer, {length}, {WINDOWS})\n"
    return notebook.opening() + drawn
