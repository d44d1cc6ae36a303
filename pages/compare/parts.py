"""The parts of the Compare page below its text: heads, weights, samples and others."""

from collections.abc import Callable

import streamlit as st

from minigpt.interpret.differences.comparison import continuations
from minigpt.interpret.differences.gradients import batch_gradients, saliency
from minigpt.textbook.comparison import pattern_divergence, relative_change
from minigpt.textbook.heads import patterns
from pages.compare import numbers, rounding
from pages.compare.numbers import Compared
from pages.frame import notebook, provenance, state
from pages.frame.guard import show_note
from pages.frame.place import shared_place
from pages.frame.reading import pick_head
from pages.frame.words import plain
from viz.attention import Array
from viz.comparison import tensor_bars, tensor_table
from viz.components.tinted_text.view import TintedText, tinted_text
from viz.components.value_grid.view import Grid, value_grid
from viz.tokens import display_piece

EXPLORER = "pages/head_explorer/head_explorer.py"


def heads(shown: Compared) -> None:
    """Show how differently each head attends to the text."""
    change = numbers.head_change(*shown.checkpoints, shown.text.content)
    layers, count = change.shape
    chosen = (
        shared_place("layer", range(layers), 0),
        shared_place("head", range(count), 0),
    )
    value_grid(
        Grid.of_heads(
            change,
            "bits",
            lambda layer, head: (
                f"L{layer}H{head}: {change[layer, head]:.4f} bits between its rows, on "
                "average (0 the same, 1 nothing in common)"
            ),
        ),
        key="head_change",
        selected=chosen,
        on_select=pick_head,
    )
    name = f"L{chosen[0]}H{chosen[1]}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            f"Open {name} in the Head explorer",
            icon=":material/grid_view:",
            on_click=state.go_to,
            args=(EXPLORER,),
            kwargs={"layer": chosen[0], "head": chosen[1]},
        )
        notebook.show(
            "heads",
            pattern_divergence,
            "pattern_divergence(before.model, after.model, tokens)",
            drawn=change,
            begin=shown.opening,
            also=[patterns],
        )
    _show_own_weight(shown, *chosen)


def _show_own_weight(shown: Compared, layer: int, head: int) -> None:
    """Show how much the open piece's first token attends to itself, and why."""
    query = shown.found.after_spans[shown.place][0]
    st.caption(
        f"L{layer}H{head} of {plain(shown.after.name)}: what token {query} reads of "
        "itself."
    )
    hook, index = f"blocks.{layer}.attn.hook_pattern", (0, head, query, query)
    provenance.show(shown.after.checkpoint, shown.found.after.tokens, hook, index)


def weights(shown: Compared) -> None:
    """Show how far each tensor and each head's weights moved."""
    change = numbers.weights(*(each.model for each in shown.checkpoints))
    column = "relative change"
    st.caption(
        f"‖W − W₀‖ / ‖W₀‖, where W₀ is that of {plain(shown.before.name)}. A weight "
        "that changed a lot need not matter."
    )
    if change.unmatched:
        show_note(
            f"{len(change.unmatched)} tensors are only in one model or differ in "
            f"shape, such as {change.unmatched[0]}."
        )
    bars, grid = st.columns([3, 2], gap="large")
    with bars:
        st.vega_lite_chart(tensor_bars(change.names, change.relative, column).spec)
        measured = dict(zip(change.names, change.relative.tolist(), strict=True))
        notebook.show(
            "weights",
            relative_change,
            "relative_change(before.model, after.model)",
            drawn={name: value for name, value in measured.items() if value == value},
            begin=shown.opening,
        )
    with grid:
        _show_per_head("head_weight_change", change.heads, column)
        _show_every_tensor(tensor_table(change.names, change.relative, column))


def samples(shown: Compared) -> None:
    """Show what both models write after the text, drawing with the same seed."""
    seed = st.number_input(
        "Seed",
        0,
        10_000,
        0,
        key="compare_seed",
        width=140,
        help="Used for the samples of both models.",
        **state.BOUND,
    )
    written = numbers.samples(*shown.checkpoints, shown.text.content, seed)
    for column, side, sample in zip(
        st.columns(2, gap="large"), (shown.before, shown.after), written, strict=True
    ):
        with column:
            st.markdown(f"**{plain(side.name)}**")
            st.code(sample, language=None, wrap_lines=True)
    st.caption("Temperature 0.8, the 50 likeliest tokens; at most 60 tokens.")
    prompt = shown.text.content
    notebook.show(
        "samples",
        continuations,
        "after.tokenizer.encode("
        f"continuations(before, after, {prompt!r}, seed={seed})[1])",
        drawn=shown.after.checkpoint.tokenizer.encode(written[1]),
        begin=shown.opening,
    )


def batch(shown: Compared) -> None:
    """Show which weights one step of training on the text would move most."""
    pulled = numbers.pulls(shown.after.checkpoint.model, [shown.found.after.tokens])
    column = "gradient norm"
    st.caption(
        f"If {plain(shown.after.name)} learned from this text alone (loss "
        f"{pulled.loss:.3f} nats per token), these tensors would change most."
    )
    bars, grid = st.columns([3, 2], gap="large")
    with bars:
        st.vega_lite_chart(tensor_bars(pulled.names, pulled.norms, column).spec)
        notebook.show(
            "batch",
            batch_gradients,
            "batch_gradients(after.model, tokens).norms",
            drawn=pulled.norms,
            begin=shown.opening,
        )
    with grid:
        _show_per_head("head_pull", pulled.heads, column)
        _show_every_tensor(tensor_table(pulled.names, pulled.norms, column))


def input_saliency(shown: Compared) -> None:
    """Show which tokens raised the logit of the token that came at the place."""
    tokens = shown.found.after.tokens
    target_place = max(1, shown.found.after_spans[shown.place][0])
    target = tokens[target_place]
    tokenizer = shown.after.checkpoint.tokenizer
    others, _ = shown.found.after.expected(target_place, 2)
    first = next(token for token in others if token != target)
    name = display_piece(tokenizer.piece(first))
    label = f"Minus {plain(name)}, the likeliest other token"
    rival = first if st.toggle(label, key="saliency_rival", **state.BOUND) else None
    read = tokens[:target_place]
    found_scores = saliency(shown.after.checkpoint.model, read, target, rival)
    hook = shown.after.checkpoint.model.embedding_hook
    minus = "" if rival is None else f" minus that of **{plain(name)}**"
    st.markdown(
        f"What {plain(shown.after.name)} read before **"
        f"{plain(display_piece(tokenizer.piece(target)))}**: the logit{minus} is "
        f"{found_scores.value:.3f}."
    )
    text = TintedText(
        tokenizer.pieces(read),
        found_scores.scores,
        unit="logits",
        ends=("lowers it", "raises it"),
    )
    tinted_text(text, key="saliency")
    st.caption(
        f"Gradient × activation at {hook}: how much the logit would drop, to first "
        "order, if this token's embedding were scaled down to zero. It is small where "
        "a norm cancels the scaling."
    )
    notebook.show(
        "saliency",
        saliency,
        f"saliency(after.model, {read}, {target}, {rival}).scores",
        drawn=found_scores.scores,
        begin=shown.opening,
    )
    provenance.show(shown.after.checkpoint, read, hook, (0, len(read) - 1, 0))


def _show_per_head(key: str, values: Array | None, unit: str) -> None:
    """Show a number for every head; of a model without heads, nothing."""
    if values is None:
        return
    st.markdown("**Per head** · q, k, v and o together")
    value_grid(Grid.of_heads(values, unit, digits=3), key=key, on_select=pick_head)


def _show_every_tensor(table: object) -> None:
    with st.expander("Every tensor", icon=":material/table:"):
        st.dataframe(table, hide_index=True)


PARTS: dict[str, Callable[[Compared], None]] = {
    "Heads": heads,
    "Weights": weights,
    "Samples": samples,
    "What one training batch would change": batch,
    "Saliency": input_saliency,
    "Rounding": rounding.show,
}

EXPLAINED: dict[str, tuple[str, tuple[type | Callable[..., object], ...]]] = {
    "Rounding": (rounding.WORDS, rounding.SOURCES),
}
"""Words and sources of a part that is a lesson of its own."""
