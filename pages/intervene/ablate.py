"""Ablate: switch a part of the model off, and see what it was for."""

from collections.abc import Sequence

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.effects import Effect
from minigpt.interpret.interventions.interventions import Ablation
from minigpt.interpret.reading.prompt import Reading
from minigpt.textbook.interventions import ablation_hooks
from pages.frame import models, notebook, provenance
from pages.frame.words import plain
from pages.intervene import challenge, numbers, tour
from pages.intervene import story as intervene_story
from pages.intervene.choose import ablation_list, choose
from pages.intervene.side_effects import show_losses, show_pair, show_scores
from viz.effects import before_after_bars
from viz.tokens import display_piece


def show(checkpoint: Checkpoint, reading: Reading) -> None:
    """Show what is ablated, and everything that this changes."""
    story = st.container()
    left, right = st.columns([5, 6], gap="large")
    with right:
        ablations = ablation_list(checkpoint, len(reading.tokens))
        with st.container(key=tour.NEXT):
            _show_next_token(checkpoint, reading, ablations)
        challenge.show(checkpoint, reading, ablations)
    with story:
        intervene_story.show(checkpoint, ablations)
    with left:
        choose(checkpoint, reading, ablations)
    if ablations:
        left, right = st.columns([5, 6], gap="large")
        with left, st.container(key=tour.LOSSES):
            show_losses(checkpoint, ablations)
        with right:
            show_scores(checkpoint, ablations)
        if len(ablations) == 2:
            show_pair(checkpoint, *ablations)
    _show_texts(checkpoint, reading, ablations)
    if ablations:
        hook, index = ablations[-1].part.example(len(reading.tokens))
        st.caption(
            f"One of the numbers that ablating {ablations[-1].part} changes, "
            "before the ablation:"
        )
        provenance.show(checkpoint, reading.tokens, hook, index)


def _show_next_token(
    checkpoint: Checkpoint, reading: Reading, ablations: Sequence[Ablation]
) -> None:
    effect = numbers.effect(checkpoint, reading.tokens, ablations)
    tokenizer = checkpoint.tokenizer
    pieces = models.vocabulary(tokenizer)
    st.markdown(moved(pieces, effect, is_changed=bool(ablations)))
    st.vega_lite_chart(before_after_bars(pieces, effect.before, effect.after, 6).spec)
    hooks = numbers.hooks_call(ablations)
    notebook.show(
        "next token",
        ablation_hooks,
        f"model.run_with_hooks(tokens, {hooks})[0, -1].softmax(-1)",
        drawn=effect.after,
        begin=numbers.opening(checkpoint) if numbers.need_windows(ablations) else None,
    )


def moved(pieces: Sequence[str], effect: Effect, *, is_changed: bool) -> str:
    """Say what the prompt's likeliest token was and is."""
    first, now = int(effect.before.argmax()), int(effect.after.argmax())
    named = f"“**{plain(display_piece(pieces[first]))}**”"
    if not is_changed:
        return f"Next token, whole model: {named} {effect.before[first]:.3f}."
    words = (
        f"Next token: {named} {effect.before[first]:.3f} → {effect.after[first]:.3f}, "
        f"KL {effect.kl:.3f} nats."
    )
    if now != first:
        likeliest = plain(display_piece(pieces[now]))
        words += f" Now likeliest: “**{likeliest}**” {effect.after[now]:.3f}."
    return words


def _show_texts(
    checkpoint: Checkpoint, reading: Reading, ablations: Sequence[Ablation]
) -> None:
    st.caption(f"The likeliest next {numbers.WRITTEN} tokens")
    for name, made in (
        (("before", ()), ("after", ablations)) if ablations else (("whole", ()),)
    ):
        text = numbers.continuation(checkpoint, reading.tokens, made)
        with st.container(key=f"continuation_{name}"):
            st.text(f"{name}: …{text}")
