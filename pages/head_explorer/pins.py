"""Two heads side by side: a tab of the Head explorer."""

import re

import streamlit as st

from minigpt.interpret.heads.scores import strongest_read
from minigpt.interpret.reading.prompt import Reading
from minigpt.textbook.heads import patterns
from pages.frame import models, notebook
from pages.frame.place import write
from pages.frame.reading import Place, pick_head
from pages.head_explorer import notes
from viz.components.attention_heatmap.view import attention_heatmap

TAB = "Side by side"

_NAME = re.compile(r"L(\d{1,4})H(\d{1,4})")


def show_side_by_side(reading: Reading, place: Place) -> None:
    """Show the pinned heads, or the pinned one and the chosen one."""
    pinned = [each for each in pins() if _exists(reading, each)]
    here = (place.layer, place.head)
    if not pinned:
        st.caption(
            "Pin a head (with the button beside its name above), then choose "
            "another one."
        )
        return
    pair = (pinned + [here] * (here not in pinned))[:2]
    for column, (layer, head) in zip(st.columns(2, gap="large"), pair, strict=False):
        with column:
            st.button(
                f"L{layer}H{head}" + (" · pinned" if (layer, head) in pinned else ""),
                key=f"open_L{layer}H{head}",
                on_click=pick_head,
                args=((layer, head),),
                type="tertiary",
            )
            pattern = reading.patterns[layer, head]
            key = strongest_read(pattern, reading.pieces, place.token).key_position
            attention_heatmap(
                reading.pieces, pattern, (place.token, key), key=f"pin_{layer}_{head}"
            )
    if len(pair) == 2:
        layers, heads = map(list, zip(*pair, strict=True))
        notebook.show(
            "side by side",
            patterns,
            f"patterns(model, tokens)[{layers}, {heads}]",
            drawn=[reading.patterns[each] for each in pair],
        )


def pins() -> list[tuple[int, int]]:
    """Return the pinned heads, at most two.

    They are this session's, or those of the address, or those of the model's notes.
    """
    model = models.chosen_entry().id
    is_first = "_pinned" not in st.session_state
    if st.session_state.get("_pins_of") != model:
        st.session_state["_pins_of"] = model
        named = _NAME.findall(st.query_params.get("pins", "")) if is_first else []
        heads = notes.of_model().heads.items()
        kept = [place for place, note in heads if note.pinned]
        if named or kept or is_first:
            found = [(int(i), int(j)) for i, j in named] or sorted(kept)
            st.session_state["_pinned"] = found[:2]
    pinned: list[tuple[int, int]] = st.session_state["_pinned"]
    names = ",".join(f"L{layer}H{head}" for layer, head in pinned)
    write("pins", names or None)
    return pinned


def pin(layer: int, head: int) -> None:
    """Pin a head, or let it go; of three, the first gives way."""
    here, before = (layer, head), st.session_state.get("_pinned", [])
    if here in before:
        st.session_state["_pinned"] = [each for each in before if each != here]
    else:
        st.session_state["_pinned"] = [*before, here][-2:]
        st.session_state["head_tab"] = TAB


def _exists(reading: Reading, place: tuple[int, int]) -> bool:
    layers, heads = reading.patterns.shape[:2]
    return place[0] < layers and place[1] < heads
