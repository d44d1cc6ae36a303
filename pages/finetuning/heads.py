"""Which heads fine-tuning changed, and which its answers need: not the same."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.datasets.tales.instructions import Asked
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.inspection.held_out_answers import held_out_questions
from minigpt.finetuning.inspection.needed_heads import (
    HeadsNeeded,
    decisive,
    heads_needed,
)
from minigpt.interpret.differences.pattern_change import row_divergence
from minigpt.interpret.reading.prompt import attention_patterns
from minigpt.tokenizers.chat import Message, encode_chat
from pages.finetuning import numbers
from pages.finetuning.numbers import Both
from pages.frame import models, notebook, provenance, state
from pages.frame.place import shared_place
from pages.frame.reading import pick_head
from pages.frame.words import plain
from viz.attention import Array
from viz.components.value_grid.view import Grid, value_grid
from viz.finetuning import reads_bars, reads_table

EXPLORER = "pages/head_explorer/head_explorer.py"
COMPARE = "pages/compare/compare.py"
SHOWN = 60
ABLATED_ON = 8
"""Questions that the ablations are measured on."""


def show(shown: Both, row: DeltaGenerator) -> None:
    """Show, of one held-out question, what each head does now and did before.

    Args:
        shown: The models.
        row: Where the question is chosen.
    """
    with row:
        asked = _choose(shown)
    st.markdown(
        "At the token just before the answer’s own word: "
        f"**{plain(asked.question.text)}** {plain(asked.question.lead)} …"
    )
    tokens = _up_to_the_word(shown, asked)
    change = numbers.head_change(shown, tokens)
    needed = numbers.heads_needed(shown, ABLATED_ON)
    first_layer, first_head = needed.most_needed
    layer, head = (
        shared_place("layer", range(change.shape[0]), first_layer),
        shared_place("head", range(change.shape[1]), first_head),
    )
    looks, needs = st.columns(2, gap="large")
    with looks:
        _show_change(shown, tokens, change, (layer, head))
    with needs:
        _show_needed(shown, needed, (layer, head))
    _show_reads(shown, tokens, layer, head)
    _show_ways(shown, asked, layer, head)


def _choose(shown: Both) -> Asked:
    found = numbers.questions(shown)[:SHOWN]
    number = st.number_input(
        f"Question 1 to {len(found)}",
        1,
        len(found),
        1,
        key="heads_question",
        width=150,
        **state.BOUND,
    )
    return found[number - 1]


def _up_to_the_word(shown: Both, asked: Asked) -> tuple[int, ...]:
    """Return the question and its answer's beginning, up to the word asked for."""
    turns = (*asked.prompt, Message("assistant", asked.question.lead))
    row = encode_chat(turns, shown.after.tokenizer)
    return tuple(token for token, _ in row[:-1])  # without its <eos>


def _show_change(
    shown: Both, tokens: tuple[int, ...], change: Array, chosen: tuple[int, int]
) -> None:
    st.markdown("**Attention changed**")
    value_grid(
        Grid.of_heads(
            change,
            "bits",
            lambda layer, head: (
                f"L{layer}H{head}: {change[layer, head]:.4f} bits between its rows, on "
                "average (0 the same, 1 nothing in common)"
            ),
        ),
        key="tuned_heads",
        selected=chosen,
        on_select=pick_head,
    )
    before, after = (
        f"attention_patterns({who}.model, {[*tokens]})" for who in ("before", "after")
    )
    notebook.show(
        "heads",
        row_divergence,
        f"row_divergence({before}, {after})[..., 1:].mean(-1)",
        drawn=change,
        begin=shown.opening,
        also=[attention_patterns, ready_to_chat],
    )


def _show_needed(shown: Both, needed: HeadsNeeded, chosen: tuple[int, int]) -> None:
    st.markdown("**Ablating it costs the answer**")
    value_grid(
        Grid.of_heads(
            needed.rises,
            "nats of loss, ablated minus intact",
            lambda layer, head: (
                f"without L{layer}H{head}: {needed.rises[layer, head]:+.3f} nats; "
                f"{needed.left[layer, head]} of {needed.number} right (with all heads "
                f"{needed.right})"
            ),
            signed=True,
        ),
        key="needed_heads",
        selected=chosen,
        on_select=pick_head,
    )
    window = shown.after.model.config.max_seq_len
    notebook.show(
        "cuts",
        heads_needed,
        f"heads_needed(after, [decisive(each, after.tokenizer, {window}) for each in "
        f"held_out_questions(after, before, {needed.number})]).rises",
        drawn=needed.rises,
        begin=shown.opening,
        also=[decisive, held_out_questions, ready_to_chat],
    )


def _show_reads(shown: Both, tokens: tuple[int, ...], layer: int, head: int) -> None:
    """Show what the chosen head reads just before the answer's word."""
    before, after = numbers.reads(shown, tokens, layer, head)
    pieces = shown.after.tokenizer.pieces(list(tokens))
    st.markdown(f"**What L{layer}H{head} reads** just before the answer’s word")
    st.vega_lite_chart(reads_bars(reads_table(pieces, before, after)).spec)
    strongest = int(after.argmax())
    place = (0, head, len(tokens) - 1, strongest)
    hook = f"blocks.{layer}.attn.hook_pattern"
    provenance.show(shown.after, list(tokens), hook, place)


def _show_ways(shown: Both, asked: Asked, layer: int, head: int) -> None:
    """Show the ways to the other pages, with these models, this head, this story."""
    text = f"{asked.story} {asked.question.sentence}"
    known = {entry.id for entry in models.entries()}
    with st.container(horizontal=True):
        st.button(
            f"Open L{layer}H{head} in the Head explorer",
            icon=":material/grid_view:",
            on_click=state.go_to,
            args=(EXPLORER,),
            kwargs={
                "model": shown.tuning.id,
                "layer": layer,
                "head": head,
                "prompt": text,
            },
        )
        if shown.base_name in known:
            st.button(
                "Compare both on this story",
                icon=":material/compare:",
                on_click=state.go_to,
                args=(COMPARE,),
                kwargs={
                    "model": shown.tuning.id,
                    "against": shown.base_name,
                    "read": "Prompt",
                    "part": "Heads",
                    "prompt": text,
                },
            )
