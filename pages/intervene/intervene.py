"""Intervene: cut a part of the model or carry values over, and see what breaks.

Learning goal: looking is not causing; only an intervention says what a head is for.
"""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.interventions.interventions import Cut
from minigpt.interpret.interventions.parts import require_heads
from minigpt.interpret.interventions.patching import patch_map
from minigpt.interpret.interventions.sweep import run_each
from pages.frame import lesson, models, questions, state
from pages.frame.guard import guard
from pages.intervene import cut, patch, sweep
from pages.intervene import questions as intervene_questions

CUT = (
    "A **cut** replaces what a part adds to the residual stream; everything after it "
    "is computed anew. **zero** takes the part away; its **mean**, or its values in "
    "another text (**resample**), take away only what it says about *this* text. Watch "
    "the other heads: one that loses its score without being touched was fed by what "
    "you cut. And a head that looks striking may not matter: looking is not causing."
)
PATCH = (
    "The corrupted prompt runs, and **one** place gets the value it had in the clean "
    "one. **1**: that alone brings the whole answer back; **0**: it carries nothing of "
    "it. Read the map downwards: the difference begins at the exchanged word and "
    "travels to the last token, which alone predicts. The shares need not add up to "
    "1. **Reverse** asks which places cannot be done without: where there is a spare "
    "path, the answer differs."
)
TURN = (
    "Every head is cut alone, and the loss over held-out text is measured again. A "
    "head can be **needed** though its pattern has no name, and **striking** yet not "
    "needed. One cut at a time misses heads that stand in for each other: cut two of "
    "them under Cut to see the pair."
)


def show_cut(checkpoint: Checkpoint, row: DeltaGenerator) -> None:
    """Show what cutting parts does to a prompt and to a corpus."""
    reading = cut.show(checkpoint, row)
    lesson.explain(CUT, Cut)
    questions.check(intervene_questions.of_cut(checkpoint, reading))


def show_patch(checkpoint: Checkpoint, row: DeltaGenerator) -> None:
    """Show what values carried from one prompt into another do."""
    patching = patch.show(checkpoint, row)
    lesson.explain(PATCH, patch_map)
    if patching is not None:
        questions.check(intervene_questions.of_patch(checkpoint, patching))


def show_turn(checkpoint: Checkpoint, row: DeltaGenerator) -> None:
    """Show what each head's cut costs."""
    measured = sweep.show(checkpoint, row)
    lesson.explain(TURN, run_each)
    if measured is not None:
        questions.check(intervene_questions.of_turn(*measured))


PARTS = {"Cut": show_cut, "Patch": show_patch, "Cut each in turn": show_turn}

lesson.open(
    "Intervene",
    "Looking is not causing: change a value inside the model, and see what breaks.",
)
top = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
part = top.segmented_control(
    "What to do",
    list(PARTS),
    default="Cut",
    required=True,
    key="intervene",
    label_visibility="collapsed",
    **state.BOUND,
)
with guard():
    chosen = models.chosen()
    require_heads(chosen.model)
    PARTS[part](chosen, top)
