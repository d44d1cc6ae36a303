"""The lesson's challenge: make the model say another token by setting one weight."""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.attention_editing import EditedHead, HeadEdit
from minigpt.interpret.heads.row_challenge import RowChallenge
from minigpt.interpret.reading.prompt import Reading
from pages.attention.numbers import challenge_of
from pages.frame import state
from pages.frame.reading import Place
from pages.frame.words import plain
from viz.tokens import display_piece


def show(
    checkpoint: Checkpoint,
    reading: Reading,
    place: Place,
    edit: HeadEdit,
    edited: EditedHead,
) -> None:
    """State what is to be reached, and say whether the model does it now.

    Args:
        checkpoint: The model that is asked, and grades.
        reading: The prompt.
        place: The row on the screen.
        edit: What the reader changed in it.
        edited: What the model made of that.
    """
    found = challenge_of(checkpoint, reading.tokens, place.token)
    if found is None:
        return
    wanted, before, now = (
        _word(checkpoint.tokenizer.pieces([token])[0])
        for token in (found.token, found.before, int(edited.here.after.argmax()))
    )
    reader = _word(reading.pieces[found.query])
    is_here = place.token == found.query
    only_a_weight = edit == HeadEdit(weight=edit.weight)
    is_done = (
        is_here and only_a_weight and int(edited.here.after.argmax()) == found.token
    )
    with st.container(border=True, key="challenge_done" if is_done else "challenge"):
        if is_done:
            st.markdown(
                "**✓ Challenge met.** With this one weight, the model says "
                f"“**{wanted}**” after “**{reader}**”, not “**{before}**”."
            )
            return
        st.markdown(
            f"**Challenge.** After “**{reader}**” the model says “**{before}**”. Make "
            f"it say “**{wanted}**”: set one attention weight, in any head. "
            + (f"Now it says “**{now}**”." if is_here and edit != HeadEdit() else "")
        )
        _offer_hint(found)


def _offer_hint(found: RowChallenge) -> None:
    """Show the way to a head and the token of its row, but not to the weight."""
    st.button(
        "Show me a head that can",
        key="_challenge_hint",
        icon=":material/lightbulb:",
        type="tertiary",
        on_click=_go_to,
        args=(*found.solutions[0][:2], found.query),
    )


def _go_to(layer: int, head: int, token: int) -> None:
    place = {"layer": layer, "head": head, "token": token}
    if all(state.get(name) == value for name, value in place.items()):
        st.toast("You are there: this head can.")
    st.session_state.update(place)


def _word(piece: str) -> str:
    return plain(display_piece(piece))
