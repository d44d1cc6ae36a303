"""Attention, step by step: one query of one head, from x to the prediction.

Learning goal: a row of attention is a weighted average, and without ÷ √d it collapses
onto one token.
"""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.attention_editing import EditedHead, HeadEdit
from minigpt.interpret.heads.attention_steps import AttentionSteps, shared_head
from minigpt.interpret.reading.prompt import Reading
from minigpt.model import CausalAttention, MultiHeadAttention, SelfAttention
from minigpt.textbook.attention import attention_row
from pages.attention import challenge, edits, questions
from pages.attention import tour as attention_tour
from pages.attention.numbers import edit_of, opening_of, row_id, steps_of
from pages.frame import covering, lesson, models, notebook, opening, provenance
from pages.frame.controls import tour
from pages.frame.guard import guard
from pages.frame.look import present
from pages.frame.place import linked, write
from pages.frame.questions import check, predict
from pages.frame.reading import Place, pick_token, read_at_place
from viz.components.attention_steps.view import (
    ROWS,
    AttentionSheet,
    RowEdit,
    SheetListeners,
    attention_steps,
)
from viz.effects import before_after_bars
from viz.vega_lite.lettering import enlarged

# Which hook holds a row of the sheet; every other row leads to the scores.
HOOKS = {
    "k": "hook_k",
    "turned": "hook_rot_k",
    "pattern": "hook_pattern",
    "v": "hook_v",
}


def opened_cell(row: tuple[object, ...], length: int) -> tuple[str, int] | None:
    """Return the cell that is open in this row, and keep the URL in step.

    Args:
        row: What tells this row from all others.
        length: Tokens of the prompt.
    """

    def read(word: str) -> tuple[object, tuple[str, int]]:
        name, _, key = word.partition(":")
        if name not in ROWS or not key.isdecimal() or int(key) >= length:
            raise ValueError(f"{word!r} is not a cell of this sheet.")
        return row, (name, int(key))

    kept, cell = linked("cell", "_opened_cell", read) or (None, None)
    opened: tuple[str, int] | None = cell if kept == row else None
    write("cell", opened and f"{opened[0]}:{opened[1]}")
    return opened


def show_sheet(
    reading: Reading, place: Place, steps: AttentionSteps, edit: RowEdit
) -> tuple[str, int]:
    """Show the sheet; return the row and key whose number is traced below."""
    row = row_id(reading, place)
    opened = opened_cell(row, len(reading.pieces))

    def open_cell(chosen: tuple[str, int] | None) -> None:
        st.session_state["_opened_cell"] = (row, chosen)

    attention_steps(
        AttentionSheet(reading.pieces, steps, edit),
        opened,
        key=attention_tour.SHEET,
        tell=SheetListeners(
            opened=open_cell,
            asked=pick_token,
            weighed=lambda key, weight: edits.set_weight(reading, place, (key, weight)),
            divided=lambda divisor: edits.set_divisor(divisor, len(steps.q)),
        ),
    )
    return opened or ("pattern", int(edit.before.argmax()))


def show_prediction(checkpoint: Checkpoint, edited: EditedHead, changed: bool) -> None:
    """Show the next token's distribution, before and after the edit."""
    effect, config = edited.here, checkpoint.model.config
    if changed:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(
                f"The prediction changes by KL {effect.kl:.3f} nats here and "
                f"{edited.last.kl:.3f} at the last token: only one of "
                f"{config.num_layers * config.num_heads} heads was changed.",
                width="stretch",
            )
            st.button("Undo", on_click=edits.undo, type="tertiary")
    else:
        st.caption("Leave out a step, or set an attention weight after the softmax.")
    pieces = models.vocabulary(checkpoint.tokenizer)
    chart = before_after_bars(pieces, effect.before, effect.after, shown=5)
    st.vega_lite_chart((enlarged(chart) if present.is_on() else chart).spec)


def trace(
    checkpoint: Checkpoint, reading: Reading, place: Place, cell: tuple[str, int]
) -> None:
    """Show where the number of the open cell comes from."""
    layer, head, query = place
    row, key = cell
    name = HOOKS.get(row, "hook_attn_scores")
    index = (0, head, query, key)
    if row in ("k", "turned", "v"):
        index = (0, key, shared_head(checkpoint.model, head), 0)
    hook = f"blocks.{layer}.attn.{name}"
    provenance.show(checkpoint, reading.tokens, hook, index, reading.streams)


def show_figures(checkpoint: Checkpoint, reading: Reading, place: Place) -> None:
    """Show the sheet with what can be changed, explain it, and ask about it."""
    steps = steps_of(checkpoint.model, reading.tokens, *place)
    left, right = st.columns([5, 2], gap="medium")
    # A projector has no room for it above the bars.
    task = st.container() if present.is_on() else right.container()
    with right, st.container(key=attention_tour.EDIT):
        edit = edits.choose(checkpoint, reading, place)
        edited = edit_of(checkpoint.model, reading.tokens, *place, edit)
        changed = edit != HeadEdit()
        show_prediction(checkpoint, edited, changed)
    with left:
        cell = show_sheet(
            reading,
            place,
            edited.steps if changed else steps,
            edits.shown(steps, edit, edited),
        )
    with task:
        challenge.show(checkpoint, reading, place, edit, edited)
    layer, head, query = place
    notebook.show(
        "the sheet",
        attention_row,
        f"attention_row(model, tokens, {layer}, {head}, query={query})",
        drawn={"raw": steps.raw, "weights": steps.pattern, "z": steps.z},
    )
    trace(checkpoint, reading, place, cell)
    if changed and covering.aids_are_open():
        st.caption("This number was computed without your changes.")
    lesson.explain(WORDS, SelfAttention, CausalAttention, MultiHeadAttention)
    lesson.formula(FORMULA, FORMULA_IN_WORDS)
    check(questions.checks(checkpoint, reading, place))


WORDS = (
    "To guess what comes next, a token often needs what other tokens know. So it looks "
    "back. From x, what the head reads, three matrices make a **query** (what a token "
    "looks for), a **key** (what it can be found by) and a **value** (what it passes "
    "on). The dot product q · k says how well a query matches a key; ÷ √d keeps this "
    "sum of many products small; the mask hides later tokens. The softmax turns scores "
    "into weights that add up to 1, so the head's output, z, is a weighted average of "
    "values.\n\nNow leave out ÷ √d. The scores grow, and the softmax of large scores "
    "puts almost all the weight on one token: an average of one."
)

FORMULA = (
    r"z_i = \sum_{j \le i} w_{ij}\, v_j, \qquad "
    r"w_{ij} = \frac{e^{s_{ij}}}{\sum_{l \le i} e^{s_{il}}}, \qquad "
    r"s_{ij} = \frac{q_i \cdot k_j}{\sqrt d} + b_{i-j}"
)
FORMULA_IN_WORDS = (
    "*i* is the token that reads, *j* one that it may read: itself or an earlier one. "
    "$s_{ij}$ is the score, $b_{i-j}$ what a model adds for the distance between them, "
    "if it adds anything. $w_{ij}$ is the attention weight: e to the score, divided by "
    "the sum of e to every score in the row. $z_i$ is the sum of all values, each "
    "times its weight."
)

tour_button = lesson.open(
    "Attention, step by step",
    "Attention computes a weighted average, and here you can read every number in it.",
)
with guard():
    checkpoint = models.chosen()
    found = opening.begin(opening_of, checkpoint)
    reading, place = read_at_place(checkpoint)
    if found is not None:
        opening.offer(
            found,
            f"Opened at L{found.layer}H{found.head}, where leaving out ÷ √d would "
            f"raise the row's largest weight by {found.effects['growth']:.2f} and "
            f"change the prediction by KL {found.effects['kl']:.2f} nats.",
        )
    tour.offer(
        tour_button,
        lambda: attention_tour.stops(
            reading, place, steps_of(checkpoint.model, reading.tokens, *place)
        ),
    )
    if predict(
        questions.strongest(checkpoint, reading, place),
        questions.rest(checkpoint, reading, place),
    ):
        show_figures(checkpoint, reading, place)
