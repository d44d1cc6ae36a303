"""Steer: add a direction to the stream while the model writes, and read what comes."""

import time
from itertools import takewhile, zip_longest
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig
from minigpt.errors import DataError
from minigpt.generation.generator import Generator
from minigpt.interpret.interventions.steering import (
    Direction,
    mean_difference,
    steer,
    steering_hooks,
    steering_vector,
    stream_hooks,
    token_direction,
    write_steered,
)
from minigpt.interpret.reading.prompt import Reading
from minigpt.interpret.stream.logit_lens import single_token
from minigpt.model import TransformerLM
from pages.frame import corpora, models, notebook, state
from pages.frame.look.waiting import SOON
from pages.frame.reading import read
from pages.frame.remember import identity, remember
from pages.intervene import numbers
from pages.intervene.ablate import moved
from viz.effects import before_after_bars

WORDS = (
    "A **direction** in the residual stream can stand for a meaning. Here it is the "
    "mean of the stream over one text minus its mean over another, or a token's "
    "embedding. **Steering** adds it at every token, in one layer, while the model "
    "writes; no weight is changed. Both texts use the same random numbers, so they "
    "are the same until the distributions differ enough. Weak steering changes what "
    "the text is about; strong steering breaks it. Try early and late layers, and a "
    "strength below 0."
)

TWO, TOKEN = "Two prompts", "A token"

WRITTEN = 60
"""Tokens of each text."""

KEPT = 12
"""Texts that a session keeps, so that going back shows them at once."""


class Steered(NamedTuple):
    """What the reader chose to add to the stream, and where."""

    hook: str
    strength: float
    vector: Direction
    """What is added."""
    call: str
    """The expression that computes the vector in a notebook."""


def show(checkpoint: Checkpoint, row: DeltaGenerator) -> None:
    """Show what a direction does to the next token and to a text."""
    with row:
        reading = read(checkpoint)
    left, right = st.columns([5, 6], gap="large")
    with left:
        steered = _choose(checkpoint, reading)
        config = _choose_drawing()
    with right:
        _show_next_token(checkpoint, reading, steered)
    _show_texts(checkpoint, reading, steered, config)


def _choose(checkpoint: Checkpoint, reading: Reading) -> Steered:
    """Let the reader choose a direction, where it is added and how strongly.

    Raises:
        DataError: If there is no such direction.
    """
    kind = st.segmented_control(
        "Direction",
        [TWO, TOKEN],
        default=TWO,
        required=True,
        key="steer_by",
        **state.BOUND,
        label_visibility="collapsed",
    )
    place = st.container()
    hook, strength = _choose_place(checkpoint.model)
    with place:
        direction, call = (_between if kind == TWO else _of_token)(checkpoint, hook)
    tokens = reading.tokens
    vector = _vector(checkpoint.model, tokens, hook, direction, strength)
    call = f"steering_vector(model, prompt, {hook!r}, {call}, {strength})"
    return Steered(hook, strength, vector, call)


def _choose_place(model: TransformerLM) -> tuple[str, float]:
    """Let the reader choose where the direction is added, and how strongly."""
    hooks = stream_hooks(model)
    state.keep_possible("steer_at", hooks, "hook")
    middle = f"blocks.{model.config.num_layers // 2}.hook_resid_pre"
    at, much = st.columns([3, 2])
    hook = at.selectbox(
        "Added at",
        hooks,
        index=hooks.index(middle),
        key="steer_at",
        help="The residual stream before a layer (pre), between its attention and its "
        "MLP (mid), or at the end (post).",
        **state.BOUND,
    )
    strength = much.slider(
        "Strength",
        -2.0,
        2.0,
        0.3,
        0.05,
        key="strength",
        help="1: as long a vector as the stream there is on average. Below 0: the "
        "opposite direction.",
        **state.BOUND,
    )
    return hook, strength


def _between(checkpoint: Checkpoint, hook: str) -> tuple[Direction, str]:
    """Let the reader write two prompts; return the direction between their means."""
    ready = _ready(checkpoint)
    texts = [
        st.text_input(label, text, max_chars=2000, key=key, **state.BOUND)
        for label, text, key in (
            ("Toward", ready[0], "toward"),
            ("Away from", ready[1], "away"),
        )
    ]
    ids = [checkpoint.tokenizer.encode(text) for text in texts]
    one, other = (f"tokenizer.encode({text!r})" for text in texts)
    call = f"mean_difference(model, {one}, {other}, {hook!r})"
    return _difference(checkpoint.model, *ids, hook), call


def _of_token(checkpoint: Checkpoint, _hook: str) -> tuple[Direction, str]:
    """Let the reader type a token; return its embedding."""
    tokenizer = checkpoint.tokenizer
    windows = corpora.windows(checkpoint)
    often = tokenizer.pieces([int(windows[0, windows.shape[1] // 2])])[0]
    text = st.text_input(
        "Toward",
        often,
        max_chars=50,
        key="steer_token",
        help="One token of this model; · stands for a space.",
        **state.BOUND,
    )
    if not text:
        raise DataError("There is no token to steer toward: type one.")
    token = single_token(tokenizer, text)
    call = f"token_direction(model, {token})"
    return token_direction(checkpoint.model, token), call


def _choose_drawing() -> GenerationConfig:
    """Let the reader choose how tokens are drawn: for both texts alike."""
    left, right = st.columns(2)
    temperature = left.slider(
        "Temperature",
        0.0,
        2.0,
        0.8,
        0.1,
        key="steer_temperature",
        help="0: always the likeliest token. Only the 50 likeliest are drawn.",
        **state.BOUND,
    )
    seed = right.number_input(
        "Seed", 0, 2**31 - 1, 0, key="steer_seed", help="The same for both texts.",
        **state.BOUND,
    )  # fmt: skip
    return GenerationConfig(temperature=temperature, seed=seed, max_new_tokens=WRITTEN)


def _show_next_token(
    checkpoint: Checkpoint, reading: Reading, steered: Steered
) -> None:
    effect = _effect(checkpoint.model, reading.tokens, steered.hook, steered.vector)
    tokenizer = checkpoint.tokenizer
    pieces = models.vocabulary(tokenizer)
    st.markdown(moved(pieces, effect, is_changed=bool(steered.strength)))
    st.vega_lite_chart(before_after_bars(pieces, effect.before, effect.after, 8).spec)
    notebook.show(
        "steered",
        steer,
        f"steer(model, prompt, {steered.hook!r}, {steered.call}).after",
        drawn=effect.after,
        begin=f"{notebook.opening()}prompt = tokens[0].tolist()\n",
        also=[steering_vector, mean_difference, token_direction],
    )


def _show_texts(
    checkpoint: Checkpoint, reading: Reading, steered: Steered, config: GenerationConfig
) -> None:
    """Write both texts side by side, and say where they part."""
    if not numbers.may_begin(checkpoint, f"Write {WRITTEN} tokens twice"):
        return
    verdict = st.container()
    boxes = st.columns(2, gap="large")
    written = []
    for box, name, strength in zip(
        boxes, ("Unsteered", "Steered"), (0.0, steered.strength), strict=True
    ):
        with box:
            st.markdown(f"**{name}**")
            some = steered._replace(strength=strength)
            written.append(_write(checkpoint, reading, some, config))
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
    checkpoint: Checkpoint, reading: Reading, steered: Steered, config: GenerationConfig
) -> list[int]:
    """Write a text where the reader can watch; return its tokens.

    What was written once in this session is shown at once. A reader who changes
    something meanwhile stops it: Streamlit then runs the page anew.
    """
    hooks = steering_hooks(steered.hook, steered.vector) if steered.strength else []
    what = (steered.hook, steered.vector.tobytes()) if hooks else ()
    key = identity((checkpoint, reading.tokens, config, *what))
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


def _ready(checkpoint: Checkpoint) -> tuple[str, str]:
    """Return two prompts to begin with, which do not only differ in their order."""
    pair = numbers.ready_prompts(checkpoint)
    ids = map(checkpoint.tokenizer.encode, (pair.clean, pair.corrupted))
    one, other = map(sorted, ids)
    if one != other:
        return pair.clean, pair.corrupted
    texts = [text for text, _ in corpora.other_prompts(checkpoint)]
    return (texts[0], texts[1]) if len(texts) > 1 else (pair.clean, pair.corrupted)


_difference = remember(128)(mean_difference)
_vector = remember(128)(steering_vector)
_effect = remember(128)(steer)
