"""Which parts wrote the answer: the race of A and B, and every part's share of it."""

import streamlit as st

from minigpt.interpret.reading.prompt import Reading
from minigpt.interpret.stream.attribution import Attribution, LogitPart
from minigpt.interpret.stream.attribution_detail import decisive_entry, rank_neurons
from minigpt.interpret.stream.logit_lens import Column, overtaking
from minigpt.textbook.attribution import (
    logit_shares,
    neuron_shares,
    written_by_attention,
)
from minigpt.textbook.lens import lens_logits
from pages.frame import provenance, state
from pages.frame.notebook import show
from pages.frame.place import linked, write
from pages.frame.reading import choose_place, pick_head
from pages.frame.words import plain
from pages.logit_lens.numbers import LensReading
from viz.attribution import PICKED, attribution_bars, attribution_table, signed_bars
from viz.components.value_grid.view import Grid, value_grid
from viz.lens_charts import gap_bars, race_lines, race_table
from viz.tokens import display_piece

EXPLORER = "pages/head_explorer/head_explorer.py"
MOST_BARS = 60
"""With more parts than this, the heads of a layer share a bar."""

MOST_NEURONS = 10

MINUS, ALONE = SPLITS = ("A minus B", "A alone")

PART = "_lens_part"
"""In the session: the part that is chosen, and the layer and head it was chosen at."""


def show_race(
    source: LensReading, column: Column, position: int, pair: tuple[int, int]
) -> None:
    """Show A's and B's logits along the layers, and where A takes the lead."""
    a, b = pair
    names = [point.name for point in source.lens().points]
    table = race_table(names, column.logits[:, a], column.logits[:, b])
    st.markdown(_race_in_words(source, column, pair, names))
    lines, gaps = st.columns(2, gap="medium")
    lines.vega_lite_chart(race_lines(table, source.piece(a), source.piece(b)).spec)
    gaps.vega_lite_chart(gap_bars(table).spec)
    with st.container(horizontal=True):
        show(
            "Race",
            lens_logits,
            f"lens_logits(model, tokens)[:, {position}][:, [{a}, {b}]]",
            drawn=column.logits[:, [a, b]],
        )
        with st.popover("Table", icon=":material/table:", type="tertiary"):
            st.dataframe(table, hide_index=True)


def show_shares(
    source: LensReading, reading: Reading, position: int, pair: tuple[int, int]
) -> None:
    """Show a bar per part, the heads once more as a matrix, and one part close up."""
    split = st.segmented_control(
        "Split the logit of",
        SPLITS,
        default=MINUS,
        required=True,
        key="lens_split",
        **state.BOUND,
    )
    token, minus = pair[0], pair[1] if split == MINUS else None
    found = source.attribution(position, token, minus)
    _begin_at_the_strongest_head(found)
    asked = (position, token, minus)
    bars = st.container()
    left, right = st.columns([3, 2], gap="medium")
    with left:
        layer, head, _ = choose_place(reading, ("layer", "head"))
        show_heads(found, (layer, head), asked)
    part = chosen_part(found, (layer, head))
    with bars:
        show_bars(found, part, asked)
    with right:
        show_part(source, found, part, asked)


def show_bars(
    found: Attribution,
    part: LogitPart,
    asked: tuple[int, int, int | None],
) -> None:
    """Show every part's share in the model's order, and their sum."""
    shown = found if len(found.parts) <= MOST_BARS else found.by_layer()
    names = [each.name for each in shown.parts]
    table = attribution_table(names, shown.shares)
    st.vega_lite_chart(
        attribution_bars(table, part.name).spec,
        key="lens_bars",
        on_select=_pick_bar,
        selection_mode=PICKED,
    )
    what = "logit(A)" if asked[2] is None else "logit(A) − logit(B)"
    if found.softcap is not None:
        what += f", before it is bent to stay within ±{found.softcap:g},"
    together = "" if shown is found else " A bar holds all heads of a layer."
    st.markdown(
        f"**{len(names)} shares add up to {shown.shares.sum():.3f}**, and the "
        f"model's own {what} is **{found.logit:.3f}**. The final norm's scale is "
        f"held fixed at {found.scale:.3f}.{together} Click a bar."
    )
    with st.container(horizontal=True):
        every = dict(
            zip((each.name for each in found.parts), found.shares.tolist(), strict=True)
        )
        call = "logit_shares(model, tokens, position={}, a={}, b={})".format(*asked)
        helper = [written_by_attention]
        show("Shares", logit_shares, call, drawn=every, also=helper)
        with st.popover("Table", icon=":material/table:", type="tertiary"):
            st.dataframe(table, hide_index=True)


def show_heads(
    found: Attribution,
    place: tuple[int, int],
    asked: tuple[int, int, int | None],
) -> None:
    """Show the heads' shares as a matrix, layers down."""
    value_grid(
        Grid.of_heads(
            found.heads,
            "share of the logit",
            lambda i, j: f"L{i}H{j} adds {found.heads[i, j]:+.4f}",
            signed=True,
        ),
        key="lens_heads",
        selected=place,
        on_select=_pick_head,
    )
    every_head = {
        f"L{layer}H{head}": share
        for layer, row in enumerate(found.heads.tolist())
        for head, share in enumerate(row)
    }
    call = "logit_shares(model, tokens, position={}, a={}, b={})".format(*asked)
    show(
        "Shares of the heads",
        logit_shares,
        f"{{part: share for part, share in {call}.items() if 'H' in part}}",
        drawn=every_head,
    )


def show_part(
    source: LensReading,
    found: Attribution,
    part: LogitPart,
    asked: tuple[int, int, int | None],
) -> None:
    """Show one part: its share, where to look further, where the number comes from."""
    share = found.shares[found.parts.index(part)]
    st.markdown(f"#### {part.name} adds {plain(f'{share:+.4f}')}")
    if part.kind == "head":
        st.button(
            f"Open {part.name} in the Head explorer",
            icon=":material/grid_view:",
            on_click=state.go_to,
            args=(EXPLORER,),
            kwargs={"layer": part.layer, "head": part.head},
        )
    if part.kind == "mlp" and part.layer is not None:
        _show_neurons(source, part.layer, asked)
    if part.hook is None:
        st.caption("A bias: but for the norm's scale, it is the same for every prompt.")
        return
    origin = st.expander(
        "Where this share comes from",
        icon=":material/route:",
        key="share_origin",
        on_change="rerun",
    )
    if not origin.open:
        return
    with origin:
        position, token, minus = asked
        model = source.checkpoint.model
        index = decisive_entry(model, source.tokens, position, part, token, minus)
        st.caption(
            "A share is a sum over the numbers at a hook, each multiplied by a "
            "weight. The number that contributes most:"
        )
        provenance.show(source.checkpoint, source.tokens, part.hook, index)


def _show_neurons(
    source: LensReading, layer: int, asked: tuple[int, int, int | None]
) -> None:
    """Show the neurons of an MLP that add most, either way."""
    position, token, minus = asked
    model = source.checkpoint.model
    found = rank_neurons(model, source.tokens, position, layer, token, minus)
    shares = found.shares[:MOST_NEURONS]
    st.caption(
        "The neurons that contribute most, in either direction, and what each one adds."
    )
    names = [
        f"neuron {neuron} {share:+.3f}"
        for neuron, share in zip(found.neurons, shares, strict=False)
    ]
    st.vega_lite_chart(signed_bars(names, shares, "share of the logit").spec)
    show(
        "Neurons",
        neuron_shares,
        f"neuron_shares(model, tokens, {position}, {layer}, a={token}, b={minus})",
        drawn=shares,
    )


def _race_in_words(
    source: LensReading, column: Column, pair: tuple[int, int], names: list[str]
) -> str:
    one, other = (plain(display_piece(source.piece(token))) for token in pair)
    found = overtaking(column.logits[:, pair[0]], column.logits[:, pair[1]])
    if found is None:
        return f"A, “**{one}**”, is not ahead of B, “**{other}**”, at the end."
    if found == 0:
        return f"A, “**{one}**”, is ahead of B, “**{other}**”, at every point."
    before, after = (
        column.logits[at, pair[0]] - column.logits[at, pair[1]]
        for at in (found - 1, found)
    )
    return (
        f"A, “**{one}**”, overtakes B, “**{other}**”, for good in "
        f"**{names[found]}**: "
        f"A − B goes from {before:+.3f} to {after:+.3f}."
    )


def _begin_at_the_strongest_head(found: Attribution) -> None:
    """Where no head was ever chosen, choose the one with the largest share."""
    chosen = {"layer", "head"} & (set(st.session_state) | set(st.query_params))
    if not chosen:
        pick_head(found.strongest_head)


def chosen_part(found: Attribution, place: tuple[int, int]) -> LogitPart:
    """Return the part that was clicked last: a bar, or the shared head.

    The URL is kept in step.
    """
    kept = linked("lens_part", PART, lambda word: (word, place))
    name, at = kept or (None, None)
    parts = {part.name: part for part in found.parts}
    is_clicked = at == place and name in parts
    write("lens_part", name if is_clicked else None)
    if is_clicked:
        return parts[name]
    return parts.get(f"L{place[0]}H{place[1]}", found.parts[0])


def _pick_head(place: tuple[int, int] | None) -> None:
    st.session_state.pop(PART, None)
    pick_head(place)


def _pick_bar() -> None:
    """Remember the bar that was clicked; a head's bar chooses the head."""
    rows = st.session_state["lens_bars"].get("selection", {}).get(PICKED, [])
    pick_part(str(rows[0].get("part")) if rows else "")


def pick_part(name: str) -> None:
    """Choose a part by its name; a head becomes the one that all pages show."""
    layer, is_head, head = name.removeprefix("L").partition("H")
    if is_head and layer.isdecimal() and head.isdecimal():
        _pick_head((int(layer), int(head)))
    elif name:
        place = state.get("layer", 0), state.get("head", 0)
        st.session_state[PART] = (name, place)
