"""Steer's two texts: one written as the model is, one with a direction added."""

import time
from itertools import takewhile, zip_longest

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig
from minigpt.generation.generator import Generator
from minigpt.interpret.interventions.interventions import Hooks
from minigpt.interpret.interventions.steering import (
    Direction,
    steering_hooks,
    write_steered,
)
from minigpt.interpret.reading.prompt import Reading
from pages.frame import state
from pages.frame.look.waiting import SOON
from pages.frame.remember import identity
from pages.intervene import numbers

WRITTEN = 60
"""Tokens of each text."""

KEPT = 12
"""Texts that a session keeps, so that going back shows them at once."""

Added = tuple[str, Direction]
"""A hook, and the vector that is added there."""


def show(
    checkpoint: Checkpoint, reading: Reading, added: Added, config: GenerationConfig
) -> None:
    """Write both texts side by side, and say where they part.

    Args:
        checkpoint: The chosen model.
        reading: The prompt.
        added: What is added to the stream of one of them.
        config: How tokens are drawn.
    """
    if not numbers.may_begin(checkpoint, f"Write {WRITTEN} tokens twice"):
        return
    verdict = st.container()
    boxes = st.columns(2, gap="large")
    written = []
    hooks = steering_hooks(*added) if added[1].any() else []
    for box, name, some in zip(
        boxes, ("Unsteered", "Steered"), ([], hooks), strict=True
    ):
        with box:
            st.markdown(f"**{name}**")
            what = (added[0], added[1].tobytes()) if some else ()
            written.append(_write(checkpoint, reading, config, some, what))
    pairs = zip_longest(*written)
    same = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
    longest = max(map(len, written))
    verdict.markdown(
        f"Seed {config.seed}, both texts: "
        + (
            f"they are the same for all {longest} tokens."
            if same == longest
            else f"{_alike(same)}."
        )
    )


def _alike(same: int) -> str:
    """Say where two texts part.

    >>> _alike(1)
    'the first token is the same, then they part'
    """
    if not same:
        return "they part at the first token"
    first = "token is" if same == 1 else f"{same} tokens are"
    return f"the first {first} the same, then they part"


def _write(
    checkpoint: Checkpoint,
    reading: Reading,
    config: GenerationConfig,
    hooks: Hooks,
    added: tuple[object, ...],
) -> list[int]:
    """Write a text where the reader can watch; return its tokens.

    What was written once in this session is shown at once. A reader who changes
    something meanwhile stops it: Streamlit then runs the page anew.
    """
    key = identity((checkpoint, reading.tokens, config, *added))
    kept = st.session_state.setdefault("_steered_texts", {})
    place = st.empty()
    if key not in kept:
        model, device = checkpoint.model, str(checkpoint.model.device)
        # `read` has asked the reader whether a long prompt may lose its beginning.
        generator = Generator(model, checkpoint.tokenizer, device, last_only=True)
        prompt = state.get("prompt", state.DEFAULT_PROMPT)
        tokens, text, shown = [], "", time.monotonic()
        for step in write_steered(generator, prompt, config, hooks):
            tokens.append(step.token)
            text = step.text_so_far
            if time.monotonic() - shown > SOON:
                place.text(f"…{text}")
                shown = time.monotonic()
        for old in list(kept)[: -KEPT + 1]:
            del kept[old]
        kept[key] = tokens, text
    tokens, text = kept[key]
    place.text(f"…{text}")
    return tokens
