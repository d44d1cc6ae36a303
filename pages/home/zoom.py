"""Home's close-up: one token's numbers, from the whole text down to one product.

text → token → block → head → query · key
"""

import math
import operator

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.attention_steps import AttentionSteps, attention_steps
from minigpt.interpret.stream.block_view import BlockView, block_view
from minigpt.interpret.stream.journey import Journey
from minigpt.interpret.stream.token_travel import Addend, TokenTravel, token_travel
from pages.frame.place import dotted, linked, undotted, write
from pages.frame.remember import remember
from viz.components.zoom.view import ZoomLevel, ZoomMove, ZoomRow, length_note
from viz.components.zoom.view import zoom as zoom_figure
from viz.tokens import display_pieces

FIGURE, PLACE, REVEALED = "zoom", "_zoom", "_zoom_revealed"
"""The figure's key, and in the session: where it is, and how many rows it shows."""

WHOLE = "text"
"""How the URL, `zoom=1.0`, names the whole text."""

MOST_TOKENS = 12
"""Rows of a long text: those before the chosen token."""

MOST_BLOCKS = 5
"""A deeper model has one row for each block, not one for each part."""

Path = tuple[int, ...]
"""Block, head and key: as far in as the reader went. None stands for the whole text."""

travel_of = remember(32)(token_travel)
block_of = remember(32)(block_view)
steps_of = remember(32)(attention_steps)


def show(
    checkpoint: Checkpoint, found: Journey, tokens: list[int], selected: int
) -> None:
    """Show the level that the reader went to, and go where a click leads."""
    path = _path(checkpoint, selected)
    level, places = _level(checkpoint, found, tokens, selected, path)

    def move(moved: ZoomMove) -> None:
        if not moved.into:
            # Level 0 is the text, level 1 the token, level 2 a block …
            st.session_state[PLACE] = (path or ())[: moved.place - 1]
            if moved.place == 0:
                st.session_state[PLACE] = None
        elif path is None:
            st.session_state["token"] = places[moved.place]
            st.session_state[PLACE] = ()
        else:
            st.session_state[PLACE] = (*path, places[moved.place])

    zoom_figure(level, key=FIGURE, on_move=move)


def _path(checkpoint: Checkpoint, selected: int) -> Path | None:
    """Return where the reader is, as far as this model has such a place.

    The URL is kept in step.
    """
    linked(FIGURE, PLACE, _read_path)
    path: Path | None = st.session_state.get(PLACE, ())
    if path is None:
        write(FIGURE, WHOLE)
        return None
    config = checkpoint.model.config
    sizes = (config.num_layers, config.num_heads, selected + 1)
    fits = len(path) <= len(sizes) and all(map(operator.lt, path, sizes))
    write(FIGURE, dotted(path) if path and fits else None)
    return path if fits else ()


def _read_path(word: str) -> Path | None:
    return None if word == WHOLE else undotted(word)


def _level(
    checkpoint: Checkpoint,
    found: Journey,
    tokens: list[int],
    selected: int,
    path: Path | None,
) -> tuple[ZoomLevel, list[int]]:
    """Return what is drawn, and where each row leads."""
    model = checkpoint.model
    pieces = display_pieces(checkpoint.tokenizer.pieces(tokens))
    names = _names(pieces, selected, path)
    if path is None or not path:
        travel = travel_of(model, tokens, selected)
        if path is None:
            return _text(travel, pieces, names)
        nexts = checkpoint.tokenizer.pieces(found.expected[selected].tolist())
        level, places = _token(travel, names)
        if st.session_state.get(REVEALED) is None:
            chances = found.probabilities[selected].tolist()
            level = ZoomLevel(level.path, level.words, level.rows, nexts, chances)
        return level, places
    if len(path) == 1:
        return _block(block_of(model, tokens, path[0], selected), names)
    steps = steps_of(model, tokens, path[0], path[1], selected)
    if len(path) == 2:
        return _head(steps, pieces, names)
    return _product(steps, pieces, names, path[2]), []


def _names(pieces: list[str], selected: int, path: Path | None) -> list[str]:
    """Name the levels from the text to this one."""
    if path is None:
        return ["text"]
    names = ["text", f"“{pieces[selected]}”"]
    kinds = ("block", "head")
    names += [f"{kind} {place}" for kind, place in zip(kinds, path, strict=False)]
    if len(path) == 3:
        names.append(f"“{pieces[selected]}” · “{pieces[path[2]]}”")
    return names


def _text(
    travel: TokenTravel, pieces: list[str], names: list[str]
) -> tuple[ZoomLevel, list[int]]:
    first = max(0, travel.position + 1 - MOST_TOKENS)
    places = list(range(first, min(len(pieces), first + MOST_TOKENS)))
    width = travel.embeddings.shape[1]
    rows = [
        ZoomRow(
            pieces[place],
            travel.embeddings[place],
            "token",
            length_note(travel.embeddings[place]),
            opens=True,
        )
        for place in places
    ]
    words = (
        f"Each token of the text starts as a list of {width} numbers, one cell each."
    )
    return ZoomLevel(names, words, rows), places


def _token(travel: TokenTravel, names: list[str]) -> tuple[ZoomLevel, list[int]]:
    parts = _parts(travel)
    revealed: int | None = st.session_state.get(REVEALED)
    shown = parts if revealed is None else parts[: max(1, revealed)]
    rows = [
        ZoomRow(
            _part_name(part, travel),
            part.added,
            "stream" if part.kind == "embedding" else part.kind,
            length_note(part.added),
            opens=part.kind != "embedding",
        )
        for part in shown
    ]
    if len(shown) > 1:
        now = shown[-1].stream
        rows.append(ZoomRow("= sum", now, "sum", length_note(now)))
    words = (
        f"The list of {names[1]} on its way: what it starts as, and what each part of "
        "the model adds to it. The sum is the token's residual stream."
    )
    return ZoomLevel(names, words, rows), [part.layer for part in shown]


def _part_name(part: Addend, travel: TokenTravel) -> str:
    if part.kind == "embedding":
        return "embedding"
    if _is_deep(travel):
        return f"+ block {part.layer}"
    return f"+ {part.kind} {part.layer}"


def _is_deep(travel: TokenTravel) -> bool:
    return travel.addends[-1].layer >= MOST_BLOCKS


def _parts(travel: TokenTravel) -> list[Addend]:
    """Return what is added; in a deep model, block by block."""
    if not _is_deep(travel):
        return travel.addends
    parts = [travel.addends[0]]
    for part, after in zip(travel.addends, [*travel.addends[1:], None], strict=True):
        is_last = after is None or after.layer != part.layer
        if part.kind != "embedding" and is_last:
            added = part.stream - parts[-1].stream
            parts.append(Addend(part.kind, part.layer, part.hook, added, part.stream))
    return parts


def _block(view: BlockView, names: list[str]) -> tuple[ZoomLevel, list[int]]:
    heads = len(view.results)
    before = view.resid_pre
    rows = [ZoomRow("before", before, "stream", length_note(before))]
    rows += [
        ZoomRow(f"+ head {n}", result, "attention", length_note(result), opens=True)
        for n, result in enumerate(view.results)
    ]
    if view.output_bias is not None:
        bias = view.output_bias
        rows.append(ZoomRow("+ their bias", bias, "attention", length_note(bias)))
    if view.mlp_out is not None:
        rows.append(ZoomRow("+ MLP", view.mlp_out, "MLP", length_note(view.mlp_out)))
    after = view.resid_post
    rows.append(ZoomRow("= after", after, "sum", length_note(after)))
    words = (
        f"Inside {names[2]}: each head fetches something from other tokens, the MLP "
        "works on this token alone, and all of it is added."
    )
    return ZoomLevel(names, words, rows), [-1, *range(heads), -1, -1, -1]


def _head(
    steps: AttentionSteps, pieces: list[str], names: list[str]
) -> tuple[ZoomLevel, list[int]]:
    first = max(0, steps.query + 1 - MOST_TOKENS)
    places = list(range(first, steps.query + 1))
    rows = [
        ZoomRow(
            pieces[place],
            steps.v[place],
            "token",
            f"× {steps.pattern[place]:.3f}",
            share=float(steps.pattern[place]),
            opens=True,
        )
        for place in places
    ]
    rows.append(ZoomRow("= gathered", steps.z, "sum", length_note(steps.z)))
    left_out = f" (The {first} tokens before these are not drawn.)" if first else ""
    words = (
        f"What {names[1]} takes from each token here: the wider the bar, the more of "
        f"that token's list is in the last row.{left_out}"
    )
    return ZoomLevel(names, words, rows), [*places, -1]


def _product(
    steps: AttentionSteps, pieces: list[str], names: list[str], key: int
) -> ZoomLevel:
    width, total = len(steps.q), float(steps.raw[key])
    asks, asked = pieces[steps.query], pieces[key]
    rows = [
        ZoomRow(f"{asks} looks for", steps.q, "attention", "query"),
        ZoomRow(f"{asked} offers", steps.k[key], "attention", "key"),
        ZoomRow(
            "multiplied",
            steps.products[key],
            "sum",
            f"sum {total:.2f}".replace("-", "−"),
        ),
    ]
    position = (
        "" if steps.bias is None else f", {steps.bias[key]:+.2f} for the distance"
    )
    words = (
        f"Cell times cell, {width} times; the products add up to {total:.2f}. Divided "
        f"by √{width} = {math.sqrt(width):.2f} that is {steps.scaled[key]:.2f}"
        f"{position}. Compared with the other tokens, it earns the weight "
        f"{steps.pattern[key]:.3f}."
    )
    return ZoomLevel(names, words.replace("-", "−"), rows)
