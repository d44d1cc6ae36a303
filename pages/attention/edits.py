"""What a reader changed in a head: steps left out, the divisor, one attention weight.

All of it is in the URL: `left_out`, `divisor=2.5` and `weight=3:0.8` (key and weight).
"""

import math

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.attention_editing import EditedHead, HeadEdit
from minigpt.interpret.heads.attention_steps import AttentionSteps
from minigpt.interpret.reading.prompt import Reading
from pages.attention.numbers import MASK, POSITIONS, ROOT, row_id
from pages.frame import state
from pages.frame.place import linked, write
from pages.frame.reading import Place
from viz.components.attention_steps.view import RowEdit

_WEIGHT, _DIVISOR = "_set_weight", "_divisor"
_NEAR = 1e-6


def choose(checkpoint: Checkpoint, reading: Reading, place: Place) -> HeadEdit:
    """Show what can be left out, and return the edit that is wanted."""
    config = checkpoint.model.config
    in_the_head = config.positional_encoding in ("rope", "alibi", "relative")
    left_out = st.pills(
        "Leave out",
        [ROOT, MASK, *([POSITIONS] if in_the_head else [])],
        selection_mode="multi",
        key="left_out",
        help=(
            "The step is left out for every token of this head, and the model is run "
            "again from there. "
        )
        + (
            "" if in_the_head else "This model's positions are added to its embeddings."
        ),
        **state.BOUND,
    )
    return HeadEdit(
        divisor=1.0 if ROOT in left_out else _divisor(math.sqrt(config.d_head)),
        without_positions=POSITIONS in left_out,
        without_mask=MASK in left_out,
        weight=_weight_of(reading, place, may_read_all=MASK in left_out),
    )


def shown(steps: AttentionSteps, edit: HeadEdit, edited: EditedHead) -> RowEdit:
    """Return what the sheet shows of an edit.

    Args:
        steps: The row without it.
        edit: What was changed.
        edited: The row with it.
    """
    positions = "turned" if steps.turned else "bias"
    left_out = {"scores": edit.without_mask, positions: edit.without_positions}
    return RowEdit(
        before=steps.pattern,
        divisor=edit.divisor,
        left_out=[row for row, is_out in left_out.items() if is_out],
        weight=edit.weight,
        pattern=edited.pattern,
        z=edited.z,
    )


def set_weight(reading: Reading, place: Place, weight: tuple[int, float]) -> None:
    """Remember the weight that was set in a row."""
    st.session_state[_WEIGHT] = (row_id(reading, place), weight)
    write("weight", f"{weight[0]}:{weight[1]:g}")


def set_divisor(divisor: float, width: int) -> None:
    """Remember what q · k is divided by; 1 leaves the step out, √d changes nothing."""
    others = [step for step in st.session_state.get("left_out", []) if step != ROOT]
    st.session_state["left_out"] = [*others, ROOT] if divisor <= 1 else others
    changes = 1 < divisor < math.sqrt(width) - _NEAR
    st.session_state[_DIVISOR] = divisor if changes else None
    write("divisor", f"{divisor:.4g}" if changes else None)


def undo() -> None:
    """Forget every edit."""
    st.session_state["left_out"] = []
    st.session_state[_DIVISOR] = st.session_state[_WEIGHT] = None
    write("divisor", None)
    write("weight", None)


def _divisor(root: float) -> float | None:
    """Return the divisor that was set, in this session or by the link; None: √d."""
    divisor: float | None = linked("divisor", _DIVISOR, float)
    if divisor is None or not 1 < divisor < root - _NEAR:
        write("divisor", None)
        return None
    write("divisor", f"{divisor:.4g}")
    return divisor


def _weight_of(
    reading: Reading, place: Place, *, may_read_all: bool
) -> tuple[int, float] | None:
    """Return the weight that was set in this very row, if it can be set."""
    row = row_id(reading, place)
    kept = linked("weight", _WEIGHT, lambda word: (row, _read_weight(word)))
    of_row, weight = kept or (None, None)
    last = len(reading.pieces) - 1 if may_read_all else place.token
    if of_row != row or weight is None or not 0 <= weight[0] <= last:
        write("weight", None)
        return None
    write("weight", f"{weight[0]}:{weight[1]:g}")
    found: tuple[int, float] = weight
    return found


def _read_weight(word: str) -> tuple[int, float]:
    """Read a weight out of the address; a ValueError where it says none."""
    key, _, weight = word.partition(":")
    if not 0 <= float(weight) <= 1:
        raise ValueError(f"{weight} is not an attention weight.")
    return int(key), float(weight)
