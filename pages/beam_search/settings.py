"""The settings of a beam search, and prompts on which it shows what it is for."""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig
from minigpt.generation.beam.paths import better_prompt
from minigpt.generation.prompt import encode_prompt
from pages.frame import state

WIDEST, LONGEST = 8, 30

DEFAULT = GenerationConfig(strategy="beam", num_beams=3, max_new_tokens=8)
"""What the page begins with, and what its opening is searched with."""

PROMPTS = (
    "The king",
    "Then",
    "The dog",
    "One day",
    "She was",
    "The girl",
    "He saw",
    "At night",
    "A boy",
    "In the",
    "It was",
    "They",
    "a",
    "t",
)
"""Tried in this order, for one after which greedy begins with the wrong token."""


def choose(prompt_length: int, window: int) -> GenerationConfig:
    """Show the settings, and return them.

    Args:
        prompt_length: Of the prompt, in tokens.
        window: Tokens that the model reads at most; no text is made longer.
    """
    longest = min(LONGEST, window - prompt_length + 1)
    state.keep_possible("tokens", range(1, longest + 1), "length")
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall")
    with row:
        width = _count("Width", WIDEST, DEFAULT.num_beams, "Texts kept at each step.")
        tokens = _count(
            "Tokens",
            longest,
            min(DEFAULT.max_new_tokens, longest),
            "Number of steps in the search. A text that ends earlier needs fewer.",
        )
        length_penalty = _penalty(
            "Length penalty",
            -10.0,
            "Each sum is divided by the length to this power. 0 compares the plain "
            "sums.",
        )
        repetition_penalty = _penalty(
            "Repetition",
            0.1,
            "Repetition penalty. Above 1, ln p of a token that already occurred is "
            "multiplied by this.",
        )
    early_stopping = row.toggle(
        "Early stopping",
        key="early_stopping",
        help="Stop as soon as the number of finished texts equals the beam width.",
        **state.BOUND,
    )
    return GenerationConfig(
        strategy="beam",
        num_beams=width,
        max_new_tokens=tokens,
        length_penalty=length_penalty,
        repetition_penalty=repetition_penalty,
        early_stopping=early_stopping,
    )


def _count(label: str, high: int, default: int, words: str) -> int:
    """Show the field of a number from 1 on."""
    return st.number_input(
        label,
        1,
        high,
        default,
        key=label.lower(),
        width=86,
        help=words,
        **state.BOUND,
    )


def _penalty(label: str, low: float, words: str) -> float:
    """Show the field of one of the two penalties."""
    return st.number_input(
        label,
        low,
        10.0,
        1.0,
        step=0.1,
        format="%g",
        key=label.lower().replace(" ", "_"),
        width=119,
        help=words,
        **state.BOUND,
    )


def offer_prompt(checkpoint: Checkpoint, config: GenerationConfig) -> None:
    """Show a button that looks for a prompt on which greedy begins wrongly."""
    st.button(
        "A prompt where greedy starts badly",
        icon=":material/shuffle:",
        type="tertiary",
        key="better_prompt",
        on_click=_take_better_prompt,
        args=(checkpoint, config),
        help="Tries some prompts with this model and these settings, and takes the "
        "first one whose likeliest text begins with a token that greedy does "
        "not choose.",
    )
    if note := st.session_state.pop("_no_better_prompt", None):
        st.caption(note)


def _take_better_prompt(checkpoint: Checkpoint, config: GenerationConfig) -> None:
    tokenizer, model = checkpoint.tokenizer, checkpoint.model
    here = state.get("prompt")
    offered = [
        prompt for prompt in PROMPTS if prompt != here and not tokenizer.unknown(prompt)
    ]
    # After one of them comes the next, so that a second press shows another.
    after = PROMPTS.index(here) if here in PROMPTS else -1
    offered.sort(key=lambda prompt: PROMPTS.index(prompt) <= after)
    window = model.config.max_seq_len
    read = [encode_prompt(prompt, tokenizer, window)[0] for prompt in offered]
    eos_id = tokenizer.eos_id if config.stop_at_eos else None
    number = better_prompt(model, read, config, eos_id)
    if number is None:
        st.session_state["_no_better_prompt"] = (
            f"With these settings, greedy starts well on all of the {len(offered)} "
            "prompts tried. Try a larger width or more tokens."
        )
    else:
        st.session_state["prompt"] = offered[number]
