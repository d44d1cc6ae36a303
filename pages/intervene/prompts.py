"""Two prompts that differ in one thing, and the two answers that tell them apart."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.interventions.patching import (
    Prompts,
    distinguishing_tokens,
    same_length,
)
from minigpt.interpret.interventions.prompt_pairs import PromptPair
from minigpt.interpret.reading.prompt import read_prompt
from pages.frame import models
from pages.frame import state as shared
from pages.frame.guard import show_note
from pages.intervene import numbers
from viz.effects import paired_pieces
from viz.tokens import display_piece

OFFERED = 12
"""Likeliest tokens of each prompt among which answer and rival are chosen."""


class Patching(NamedTuple):
    """What the reader chose to patch."""

    prompts: Prompts
    names: list[str]
    """Of the positions."""
    reverse: bool
    """Whether corrupted values are carried into the clean prompt."""


def choose(
    checkpoint: Checkpoint,
    row: DeltaGenerator,
    first: Sequence[PromptPair] = (),
    begin: str = "Patch every place in turn",
) -> Patching | None:
    """Show two prompts, and which of them is run.

    Args:
        checkpoint: The chosen model.
        row: Where there is room for the direction.
        first: Pairs to begin with, if the model tells one of them apart.
        begin: What a large model's reader has to ask for.

    Returns:
        What can be patched; None if a large model's reader has not asked to begin.
    """
    _begin_with_ready_prompts(checkpoint, first)
    clean, corrupted = _typed()
    tokenizer = checkpoint.tokenizer
    ids = same_length(tokenizer, clean, corrupted)
    read_prompt(checkpoint.model, tokenizer, clean)  # raises if it is too long
    unknown = tokenizer.unknown(clean) + tokenizer.unknown(corrupted)
    if unknown:
        show_note(models.unknown_words(unknown))
    with row:
        reverse = st.toggle(
            "Reverse",
            key="reverse",
            help="Put corrupted values into the clean run: which places can it not "
            "do without?",
            **shared.BOUND,
        )
    if not numbers.may_begin(checkpoint, begin):
        return None
    answer, rival = (
        _chosen(key, tokens) for key, tokens in _offered(checkpoint, *ids).items()
    )
    run, other = reversed(ids) if not reverse else ids
    names = paired_pieces(*(tokenizer.pieces(some) for some in ids))
    return Patching(Prompts(run, other, answer, rival), names, reverse)


def _typed() -> list[str]:
    """Show the fields of both prompts, and return what stands in them."""
    labels = {
        "clean": "Clean prompt",
        "corrupted": "Corrupted prompt: the same except for a word or two",
    }
    return [
        place.text_input(
            labels[key],
            key=key,
            max_chars=2000,
            on_change=_forget_tokens,
            **shared.BOUND,
        )
        for place, key in zip(st.columns(2), labels, strict=True)
    ]


def _begin_with_ready_prompts(
    checkpoint: Checkpoint, first: Sequence[PromptPair]
) -> None:
    """Fill the fields with prompts that this model tells apart."""
    ready = numbers.ready_prompts(checkpoint, first)
    texts = {"clean": ready.clean, "corrupted": ready.corrupted}
    if begin_with("_ready_prompts", texts):
        _forget_tokens()


def begin_with(kept: str, texts: Mapping[str, str]) -> bool:
    """Fill fields with texts that suit this model; return whether others did before.

    What a reader typed, or a link brought, stays when the model changes.

    Args:
        kept: The key under which the session keeps what the fields began with.
        texts: By the field's key.
    """
    before = st.session_state.get(kept)
    for key, text in texts.items():
        now = st.session_state.get(key, st.query_params.get(key))
        if now is None or (before is not None and now == before[key]):
            st.session_state[key] = text
    st.session_state[kept] = texts
    return before is not None and before != texts


def _forget_tokens() -> None:
    """Choose answer and rival anew: other prompts, other answers."""
    for key in ("answer", "rival"):
        st.session_state.pop(key, None)


def choose_tokens(checkpoint: Checkpoint, patching: Patching) -> Patching:
    """Show the answer and its rival, found in the two predictions, to be changed."""
    run, other = patching.prompts.run, patching.prompts.other
    clean, corrupted = (run, other) if patching.reverse else (other, run)
    chosen = []
    labels = {"answer": "Answer (clean)", "rival": "Rival (corrupted)"}
    for key, tokens in _offered(checkpoint, list(clean), list(corrupted)).items():
        shared.keep_possible(key, list(tokens), key)
        name = st.selectbox(
            labels[key], list(tokens), key=key, width=150, **shared.BOUND
        )
        chosen.append(tokens[name])
    return patching._replace(prompts=Prompts(run, other, *chosen))


def _chosen(key: str, tokens: dict[str, int]) -> int:
    """Return the answer or rival that a reader or a link chose, or the first."""
    name = shared.get(key, st.query_params.get(key))
    return tokens.get(name, next(iter(tokens.values())))


def _offered(
    checkpoint: Checkpoint, clean: list[int], corrupted: list[int]
) -> dict[str, dict[str, int]]:
    """Return what can be the answer and its rival, the likeliest pair first."""
    both = numbers.both_predictions(checkpoint.model, clean, corrupted)
    found = distinguishing_tokens(both)
    offered = {}
    for key, token, probabilities in (
        ("answer", found[0], both.before),
        ("rival", found[1], both.after),
    ):
        likeliest = (-probabilities).argsort(kind="stable")[:OFFERED].tolist()
        offered[key] = {
            token_name(checkpoint, each): each
            for each in dict.fromkeys([token, *likeliest])
        }
    return offered


def token_name(checkpoint: Checkpoint, token: int) -> str:
    """Return what a token is called in the lists of answer and rival."""
    piece = display_piece(checkpoint.tokenizer.pieces([token])[0])
    return f"{piece}  ({token})"
