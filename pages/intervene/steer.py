"""Steer: add a direction to the stream while the model writes, and read what comes."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig
from minigpt.errors import DataError
from minigpt.interpret.effects import Effect
from minigpt.interpret.interventions.steering import (
    Direction,
    mean_difference,
    steer,
    steering_vector,
    stream_hooks,
    token_direction,
)
from minigpt.interpret.reading.prompt import Reading
from minigpt.interpret.stream.logit_lens import single_token
from minigpt.model import TransformerLM
from pages.frame import corpora, models, notebook, state
from pages.frame.remember import remember
from pages.intervene import numbers, prompts, steered_text
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

STRENGTH, STRONGEST = 0.3, 2.0
"""Where nobody chose, and at most; in lengths of the stream."""

SETTINGS, NEXT, TEXTS = "steered_by", "steered_next", "steered_texts"
"""The regions of the page, by their keys."""


class Steered(NamedTuple):
    """What the reader chose to add to the stream, and where."""

    hook: str
    strength: float
    vector: Direction
    """What is added."""
    call: str
    """The expression that computes the vector in a notebook."""
    direction_at: Callable[[str], Direction]
    """Returns the direction at any hook of the stream."""

    def effect(
        self,
        checkpoint: Checkpoint,
        tokens: Sequence[int],
        hook: str | None = None,
        strength: float | None = None,
    ) -> Effect:
        """Return what it does to the next token after a prompt.

        Args:
            checkpoint: The chosen model.
            tokens: The prompt.
            hook: Where it is added instead; None: where the reader chose.
            strength: How strongly instead; None: as the reader chose.
        """
        hook = self.hook if hook is None else hook
        strength = self.strength if strength is None else strength
        direction, model = self.direction_at(hook), checkpoint.model
        vector = _vector(model, tokens, hook, direction, strength)
        return _effect(model, tokens, hook, vector)


def show(
    checkpoint: Checkpoint,
    reading: Reading,
    steered: Steered,
    config: GenerationConfig,
    beside: DeltaGenerator,
) -> None:
    """Show what a direction does to the next token and to a text.

    Args:
        checkpoint: The chosen model.
        reading: The prompt.
        steered: What is added.
        config: How tokens are drawn.
        beside: Where there is room for the next token.
    """
    with beside, st.container(key=NEXT):
        _show_next_token(checkpoint, reading, steered)
    with st.container(key=TEXTS):
        steered_text.show(checkpoint, reading, (steered.hook, steered.vector), config)


def choose(checkpoint: Checkpoint, reading: Reading) -> Steered:
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
        direction_at, call = (_between if kind == TWO else _of_token)(checkpoint, hook)
    direction = direction_at(hook)
    vector = _vector(checkpoint.model, reading.tokens, hook, direction, strength)
    call = f"steering_vector(model, prompt, {hook!r}, {call}, {strength})"
    return Steered(hook, strength, vector, call, direction_at)


def middle(model: TransformerLM) -> str:
    """Return where a direction is added if nobody chose."""
    return f"blocks.{model.config.num_layers // 2}.hook_resid_pre"


def _choose_place(model: TransformerLM) -> tuple[str, float]:
    """Let the reader choose where the direction is added, and how strongly."""
    hooks = stream_hooks(model)
    state.keep_possible("steer_at", hooks, "hook")
    at, much = st.columns([3, 2])
    hook = at.selectbox(
        "Added at",
        hooks,
        index=hooks.index(middle(model)),
        key="steer_at",
        help="The residual stream before a layer (pre), between its attention and its "
        "MLP (mid), or at the end (post).",
        **state.BOUND,
    )
    strength = much.slider(
        "Strength",
        -STRONGEST,
        STRONGEST,
        STRENGTH,
        0.05,
        key="strength",
        help="1: as long a vector as the stream there is on average. Below 0: the "
        "opposite direction.",
        **state.BOUND,
    )
    return hook, strength


def _between(
    checkpoint: Checkpoint, hook: str
) -> tuple[Callable[[str], Direction], str]:
    """Let the reader write two prompts; return the direction between their means."""
    toward, away = ready_texts(checkpoint)
    prompts.begin_with("_ready_texts", {"toward": toward, "away": away})
    texts = [
        st.text_input(label, max_chars=2000, key=key, **state.BOUND)
        for label, key in (("Toward", "toward"), ("Away from", "away"))
    ]
    ids = [checkpoint.tokenizer.encode(text) for text in texts]
    one, other = (f"tokenizer.encode({text!r})" for text in texts)
    call = f"mean_difference(model, {one}, {other}, {hook!r})"
    return partial(_difference, checkpoint.model, *ids), call


def _of_token(
    checkpoint: Checkpoint, _hook: str
) -> tuple[Callable[[str], Direction], str]:
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
    direction = token_direction(checkpoint.model, token)
    return lambda _: direction, call


def choose_drawing() -> GenerationConfig:
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
    return GenerationConfig(
        temperature=temperature, seed=seed, max_new_tokens=steered_text.WRITTEN
    )


def _show_next_token(
    checkpoint: Checkpoint, reading: Reading, steered: Steered
) -> None:
    effect = steered.effect(checkpoint, reading.tokens)
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


def ready_texts(checkpoint: Checkpoint) -> tuple[str, str]:
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
