"""The prompt, read by the chosen model, and the place in it that all pages share."""

import random
from hashlib import sha256
from itertools import product
from typing import Any, NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.reading.prompt import Reading, read_prompt
from pages.frame import models, notebook, state
from pages.frame.controls import keyboard
from pages.frame.guard import show_note
from pages.frame.place import linked, write
from pages.frame.remember import remember


class Place(NamedTuple):
    """One head and one row of it."""

    layer: int
    head: int
    token: int


def read(checkpoint: Checkpoint, label: str = "Prompt") -> Reading:
    """Show the prompt's field, and return what the model makes of the prompt.

    Raises:
        DataError: If the prompt is empty or too long, or the model has no heads.
    """
    prompt = state.prompt_input(label)
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    longest = model.config.max_seq_len
    last_only = may_cut(len(tokenizer.encode(prompt)), longest)
    notebook.read_last(longest if last_only else None)
    reading = _reading(model, tokenizer, prompt, last_only=last_only)
    if reading.unknown:
        show_note(models.unknown_words(reading.unknown))
    layers, heads, count, _ = reading.patterns.shape
    keyboard.offer(layer=layers, head=heads, token=count)
    return reading


def read_at_place(checkpoint: Checkpoint) -> tuple[Reading, Place]:
    """Show the prompt's field with layer, head and token beside it, in one row.

    Raises:
        DataError: See `read`.
    """
    text, numbers = st.columns([4, 3])
    with text:
        reading = read(checkpoint)
    with numbers:
        return reading, choose_place(reading)


def place_in(prompt: str | None, **place: Any) -> dict[str, Any]:
    """Return the session state that shows a place of a prompt.

    Args:
        prompt: None: the one on the screen.
        place: Session state besides the prompt's.
    """
    return place if prompt is None else {"prompt": prompt, **place}


def shuffled_places(*axes: range) -> list[tuple[int, ...]]:
    """Return every combination of some axes, shuffled the same way each time."""
    places = list(product(*axes))
    random.Random(len(places)).shuffle(places)
    return places


@remember(32, shared=True)
def read_other(checkpoint: Checkpoint, prompt: str) -> Reading:
    """Return what a model makes of a prompt that is not on the screen."""
    return read_prompt(checkpoint.model, checkpoint.tokenizer, prompt)


# Shared and not copied: 12 × 12 heads on 256 tokens are 38 MB.
_reading = remember(6, shared=True)(read_prompt)


def may_cut(count: int, longest: int) -> bool:
    """If a prompt is too long, ask whether to read only its end.

    The answer belongs to this prompt: the next long one is asked about again.
    """
    prompt = state.get("prompt")
    linked("last_only", "_cut_prompt", lambda _: prompt)
    is_long = count > longest
    write("last_only", "1" if is_long and state.may_cut() else None)
    return is_long and st.checkbox(
        f"Read only its last {longest} of {count} tokens",
        value=state.may_cut(),
        key=f"_cut_{sha256(prompt.encode()).hexdigest()[:12]}",
        on_change=state.toggle_cut,
        help=(
            "The model cannot read more tokens at once, so the earlier ones are "
            "left out."
        ),
    )


def choose_place(
    reading: Reading, keys: tuple[str, ...] = ("layer", "head", "token")
) -> Place:
    """Show number fields for some of layer, head and token, and return all three."""
    layers, heads, count, _ = reading.patterns.shape
    row = st.container(horizontal=True)
    sizes = {"layer": (layers, 0), "head": (heads, 0), "token": (count, count - 1)}
    chosen = {}
    for key, (size, default) in sizes.items():
        state.keep_possible(key, range(size), key)
        if key not in keys:
            chosen[key] = state.get(key, default)
            continue
        chosen[key] = row.number_input(
            key.capitalize(),
            0,
            size - 1,
            default,
            key=key,
            width=104,
            on_change=_type_place,
            args=(key,),
            **state.BOUND,
        )
    return Place(**chosen)


def pick_head(place: tuple[int, int] | None) -> None:
    """Remember the head that was clicked."""
    if place is not None:
        st.session_state["layer"], st.session_state["head"] = place


def pick_token(token: int | None) -> None:
    """Remember the token that was clicked."""
    if token is not None:
        st.session_state["token"] = token


def _type_place(key: str) -> None:
    """Take over a typed number; another row begins at its strongest cell."""
    state.forget_unknown(key)
    if key == "token":
        st.session_state["_read"] = None
