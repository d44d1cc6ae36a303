"""What each head and each MLP writes: the lens held on one part at a time."""

from functools import partial

import streamlit as st

from minigpt.interpret.stream.attribution import LogitPart
from minigpt.interpret.stream.part_lens import PartLens, part_lens
from pages.frame import models, state
from pages.frame.notebook import show as show_code
from pages.frame.words import plain
from pages.logit_lens.attribution import EXPLORER, chosen_part, pick_part
from pages.logit_lens.numbers import LensReading
from viz.attribution import signed_bars
from viz.circuits.token_map import extremes
from viz.components.value_grid.view import Grid, value_grid
from viz.tokens import display_piece

SAID = 5
"""Tokens in a cell's caption."""

SHOWN = 6
"""Tokens of either kind in the figure of one part."""


def show(source: LensReading, position: int, a: int) -> None:
    """Show what every part adds to all logits, and one of them close up."""
    found = source.parts(position)
    place = int(state.get("layer", 0)), int(state.get("head", 0))
    part = chosen_part(source.attribution(position, a, None), place)
    st.markdown(_in_words(source, found, part, a))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _show_grid(source, found, part)
        call = f"part_lens(model, tokens[0].tolist(), {position})"
        show_code("Written", part_lens, f"{call}.largest", drawn=found.largest)
    with right:
        _show_part(source, found, part, call)


def _in_words(source: LensReading, found: PartLens, part: LogitPart, a: int) -> str:
    row = found.of(part.name)
    most, *_, least = found.ranked(part.name)
    one, other, answer = (
        plain(display_piece(source.piece(token))) for token in (most, least, a)
    )
    return (
        f"**{part.name}** adds most to “**{one}**” ({row[most]:+.3f} logits) and least "
        f"to “**{other}**” ({row[least]:+.3f}). A cell shows the token that a "
        "part adds most to. The final norm's scale is held fixed, as for the shares "
        "above. "
        f"So the parts add up: for “**{answer}**”, all {len(found.parts)} together "
        f"give {found.written[:, a].sum():.3f}, the model's own logit."
    )


def _show_grid(source: LensReading, found: PartLens, part: LogitPart) -> None:
    """Show a row per layer: its heads, and its MLP last. A click chooses a part."""
    names, largest = found.layers, found.largest
    value_grid(
        Grid(
            [[largest[name] for name in line] for line in names],
            rows=[f"L{layer}" for layer in range(len(names))],
            columns=[name.removeprefix("L0").strip() for name in names[0]],
            unit="logits added to its token",
            row_title="layer",
            texts=[
                [display_piece(source.piece(found.ranked(name)[0])) for name in line]
                for line in names
            ],
            sentences=[[_said(source, found, name) for name in line] for line in names],
            signed=True,
            shrinks=True,
        ),
        key="lens_written",
        selected=_cell(names, part.name),
        on_select=partial(_pick, names),
    )


def _show_part(
    source: LensReading, found: PartLens, part: LogitPart, call: str
) -> None:
    """Show the tokens that one part adds most and least to."""
    tokenizer = source.checkpoint.tokenizer
    pieces = models.vocabulary(tokenizer)
    row = found.of(part.name)[: len(pieces)]
    names, shown = extremes(pieces, row, SHOWN)
    st.markdown(f"What **{part.name}** writes")
    st.vega_lite_chart(signed_bars(names, shown, "added to the logit").spec)
    with st.container(horizontal=True):
        if part.kind == "head":
            st.button(
                f"Open {part.name} in the Head explorer",
                icon=":material/grid_view:",
                key="open_written",
                on_click=state.go_to,
                args=(EXPLORER,),
                kwargs={"layer": part.layer, "head": part.head},
            )
        line = f"{call}.of({part.name!r})[: tokenizer.vocab_size]"
        show_code("What one part writes", part_lens, line, drawn=row)


def _said(source: LensReading, found: PartLens, name: str) -> str:
    """Say which tokens a part adds most to."""
    best, row = found.ranked(name)[:SAID], found.of(name)
    tokens = (f"“{display_piece(source.piece(t))}” {row[t]:+.2f}" for t in best)
    return f"{name} adds most to {', '.join(tokens)}"


def _cell(names: list[list[str]], name: str) -> tuple[int, int] | None:
    places = ((row, line.index(name)) for row, line in enumerate(names) if name in line)
    return next(places, None)


def _pick(names: list[list[str]], cell: tuple[int, int] | None) -> None:
    if cell is not None:
        pick_part(names[cell[0]][cell[1]])
