"""Generated text, token by token: how likely each was, what else might have come."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

import streamlit as st

from viz.components.shared.mounting import chosen_position, read_position, register
from viz.probabilities import probability_text
from viz.tokens import display_piece

_mount = register("token_stream", "alternatives", "surprise_lines")


class Alternative(TypedDict):
    """A token that might have come, with its probability before and after filtering."""

    piece: str
    token: int
    raw: float
    filtered: float


class StreamStep(TypedDict):
    """A token that did come; `entropy` is that of the model's distribution, in nats."""

    piece: str
    token: int
    probability: float
    entropy: float
    alternatives: Sequence[Alternative]


class Force(NamedTuple):
    """The reader wants history changed: this token at this place, then go on."""

    step: int
    token: int


class StreamChoice(NamedTuple):
    """The step whose alternatives are open, and, for one run, a forced token."""

    selected: int | None
    force: Force | None


def token_stream(
    steps: Sequence[StreamStep],
    selected: int | None = None,
    *,
    key: str,
    prompt: str = "",
    on_select: Callable[[int | None], None] | None = None,
    on_force: Callable[[Force], None] | None = None,
) -> StreamChoice:
    """Show generated tokens tinted by probability; one step's alternatives as bars.

    Hovering a token previews its step, a click or Enter locks it, Esc clears. Clicking
    an alternative asks for it in place of the token that came. Two lines over the
    tokens, surprise and entropy, share the pointer with the text.

    Args:
        steps: What was generated, oldest first.
        selected: The step to lock.
        key: The view's name on this page.
        prompt: Text before the first token, shown without a tint.
        on_select: Called with the step, or None when cleared, on a click, before the
            page runs again.
        on_force: Called with the step and the token id when an alternative is clicked.

    Returns:
        The step locked now, and the force event of this run, if any.

    Raises:
        ValueError: If a probability lies outside 0–1 or `selected` outside the steps.
    """
    places = range(len(steps))

    def read_force(event: object) -> Force | None:
        """Check a browser's message: only what was offered can be chosen."""
        if not isinstance(event, Mapping):
            return None
        try:
            force = Force(read_position(event["step"]), read_position(event["token"]))
        except (KeyError, TypeError, ValueError):
            return None
        offered = steps[force.step]["alternatives"] if force.step in places else ()
        return force if force.token in {each["token"] for each in offered} else None

    def forced() -> None:
        force = read_force(st.session_state[key].get("forced"))
        if force is not None and on_force is not None:
            on_force(force)

    chosen, clicked = chosen_position(key, places, selected, on_select)
    result = _mount(
        key=key,
        data={
            "prompt": prompt,
            "steps": [_packed_step(step) for step in steps],
            "selected": chosen,
        },
        on_picked_change=clicked,
        on_forced_change=forced,
    )
    return StreamChoice(chosen, read_force(result.get("forced")))


def surprise(probability: float) -> float:
    """Return −ln p, in nats; of what is as good as impossible, a large number.

    >>> surprise(1.0), round(surprise(0.5), 3)
    (0.0, 0.693)
    """
    return max(0.0, -math.log(max(float(probability), 1e-30)))


def _packed_step(step: StreamStep) -> dict[str, Any]:
    return {
        "piece": display_piece(step["piece"]),
        "breaks": "\n" in step["piece"],
        "token": int(step["token"]),
        "probability": float(step["probability"]),
        "probabilityText": probability_text(step["probability"]),
        "entropy": float(step["entropy"]),
        "entropyText": f"{step['entropy']:.2f}",
        "surprise": surprise(step["probability"]),
        "surpriseText": f"{surprise(step['probability']):.2f}",
        "alternatives": [
            {
                "piece": display_piece(each["piece"]),
                "token": int(each["token"]),
                "raw": float(each["raw"]),
                "rawText": probability_text(each["raw"]),
                "filtered": float(each["filtered"]),
                "filteredText": probability_text(each["filtered"]),
            }
            for each in step["alternatives"]
        ],
    }
