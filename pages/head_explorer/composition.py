"""Which head reads what which other head writes: a tab of the explorer."""

from collections.abc import Sequence
from time import monotonic

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.weights.composition import (
    RARE,
    Compositions,
    Link,
    compositions,
    explain_link,
    gathered,
    layer_composition,
)
from minigpt.model import TransformerLM
from pages.frame import notebook, provenance, state
from pages.frame.reading import Place, pick_head
from pages.frame.remember import remember
from pages.frame.words import duration
from viz.circuits.head_graph import PICKED, Line, band_bars, head_graph

TAB = "Composition"

THROUGH = {"its keys (K)": "k", "its queries (Q)": "q", "its values (V)": "v"}
"""What of the later head reads."""

SO = {
    "k": "what {earlier} moved helps {later} find a token",
    "q": "what {earlier} moved is part of what {later} looks for",
    "v": "what {earlier} moved is passed on by {later}",
}
"""What it means that a link stands out."""

DRAWN, PARTNERS = 60, 8
"""Links in the graph, and of the chosen head."""

QUICK = 2e9
"""Products of numbers that are there at once; with more, a bar shows the progress."""


def show(checkpoint: Checkpoint, place: Place) -> None:
    """Show which heads compose, and the partners of the chosen one."""
    model = checkpoint.model
    if model.config.num_layers == 1:
        st.caption(
            "This model has one layer: no head reads what another head has written."
        )
        return
    through = st.segmented_control(
        "What an earlier head writes, a later one reads through",
        list(THROUGH),
        default=next(iter(THROUGH)),
        required=True,
        key="composition",
        **state.BOUND,
    )
    kind = THROUGH[through]
    found = _compare_heads(model)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _show_graph(model, found, kind, place)
    with right:
        _show_partners(model, found, kind, place)
    st.caption(_in_words(model))


def _compare_heads(model: TransformerLM) -> Compositions:
    """Compare all pairs of heads, layer by layer; what was done once is kept."""
    config = model.config
    heads = config.num_layers * config.num_heads
    products = 3 * heads**2 / 2 * config.d_head**2 * config.d_model
    bar = st.progress(0.0, "Comparing heads …") if products > QUICK else None
    begun, found = monotonic(), []
    for layer in range(config.num_layers):
        found.append(_layer(model, layer))
        if bar is not None:
            # A layer has as many pairs as there are layers before it.
            last = config.num_layers - 1
            share = layer * (layer + 1) / (last * (last + 1))
            left = (monotonic() - begun) * (1 - share) / max(share, 1e-3)
            bar.progress(share, f"Comparing heads, about {duration(left)} left …")
    if bar is not None:
        bar.empty()
    return _together(model, found)


def _show_graph(
    model: TransformerLM, found: Compositions, kind: str, place: Place
) -> None:
    """Draw the links that stand out, and say the foremost."""
    links = found.links(kind)
    shown = links[:DRAWN]
    chosen = (place.layer, place.head)
    size = (model.config.num_layers, model.config.num_heads)
    st.vega_lite_chart(
        head_graph(size, list(map(_line, shown)), chosen).spec,
        key="head_graph",
        on_select=_pick,
        selection_mode=PICKED,
    )
    if links:
        first = links[0]
        names = dict(zip(("earlier", "later"), _names(first), strict=True))
        most = f" The {DRAWN} clearest are drawn." if len(links) > DRAWN else ""
        st.markdown(
            f"**{names['earlier']} → {names['later']}** stands out most, of "
            f"{len(links)}: {kind.upper()}-composition **{first.score:.3f}**, where "
            f"chance gives {first.low:.3f} to {first.high:.3f}. So "
            f"{SO[kind].format(**names)}.{most}"
        )
    else:
        st.markdown(
            f"No pair of heads stands out: the highest {kind.upper()}-composition is "
            "no higher than chance gives to some pair of so many."
        )
    notebook.show(
        "composition",
        compositions,
        f"[link.score for link in compositions(model).links({kind!r})[:{DRAWN}]]",
        drawn=[link.score for link in shown],
    )


def _show_partners(
    model: TransformerLM, found: Compositions, kind: str, place: Place
) -> None:
    """Draw the chosen head's strongest partners beside their bands."""
    chosen = (place.layer, place.head)
    links = found.partners(kind, chosen, PARTNERS)
    st.markdown(f"**L{place.layer}H{place.head}** and its strongest partners")
    unit = f"{kind.upper()}-composition"
    st.vega_lite_chart(band_bars(list(map(_line, links)), unit).spec)
    notebook.show(
        "partners",
        compositions,
        f"[link.score for link in compositions(model).partners({kind!r}, {chosen}, "
        f"{PARTNERS})]",
        drawn=[link.score for link in links],
    )
    first = links[0]
    provenance.show_working(
        f"compositions(model).scores[{kind!r}][{(*first.later, *first.earlier)}]",
        explain_link(model, kind, first.later, first.earlier),
        explain_link,
    )


def _in_words(model: TransformerLM) -> str:
    """Say what a score is, what chance is, and what is left out."""
    words = (
        "From the weights: how much of what the earlier head writes the later one "
        "reads, from 0 to 1. Grey: two such heads turned at random, mean ± 2 sd; "
        "untrained heads lie there too. A line: a pair that chance gives in fewer than "
        f"one of {1 / RARE:,.0f} models. The norm's weights are folded in"
    )
    if model.config.qk_norm:
        words += "; lengths that queries and keys lose to their own norms are not"
    if model.config.positional_encoding == "rope":
        words += "; RoPE's turning is left out"
    return words + ". It says what could flow, not what does in a text."


def _pick() -> None:
    """Take the head that was clicked in the graph."""
    rows = st.session_state["head_graph"]["selection"].get(PICKED) or []
    if rows:
        pick_head((int(rows[0]["layer"]), int(rows[0]["number"])))


def _names(link: Link) -> list[str]:
    return [f"L{layer}H{head}" for layer, head in (link.earlier, link.later)]


def _line(link: Link) -> Line:
    return Line(link.earlier, link.later, link.score, link.low, link.high)


_layer = remember(1024)(layer_composition)


def _whose(model: TransformerLM, _layers: Sequence[object]) -> object:
    return model


_together = remember(16, key=_whose)(gathered)
