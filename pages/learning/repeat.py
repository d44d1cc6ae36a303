"""Where steps lead: one step of every size, and the same step again and again."""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.learning.steps import LearningRule, learn, losses_by_rate
from pages.frame import notebook, state
from pages.frame.controls import keyboard
from pages.learning.numbers import AT_ONCE, MOST_STEPS, RATES, Prompt, learned_of
from pages.learning.settings import Chosen
from viz.learning.charts import probability_chart, rate_chart, signed, steps_chart

STEPS_OF = "_steps_of"
"""In the session: the text and the rule of the steps that were taken."""

KNOWN = 0.9
"""A probability from which on a token counts as known."""


def show_sizes(chosen: Chosen) -> None:
    """Show the loss after one step of each size, beside what the slope promises."""
    rule, sweep = chosen
    change = sweep.after(rule.rate) - sweep.before
    st.caption(
        f"One step of {rule.optimizer} with step size {rule.rate:g}: by the slope, the "
        f"loss should change by {signed(rule.rate * sweep.slope)} nats; it really "
        f"changes by {signed(change)}, from {sweep.before:.4g} to "
        f"{sweep.after(rule.rate):.4g}."
    )
    st.vega_lite_chart(
        rate_chart(sweep.rates, sweep.losses, sweep.before, sweep.slope, rule.rate).spec
    )
    notebook.show(
        "the sizes",
        losses_by_rate,
        f"losses_by_rate(model, tokens[0].tolist(), {rule!r}, {list(RATES)}).losses",
        drawn=sweep.losses,
        also=[LearningRule],
    )


def show(checkpoint: Checkpoint, prompt: Prompt, chosen: Chosen) -> None:
    """Show how the prompt is learned by heart, step by step."""
    taken = _steps_taken(prompt, chosen)
    count = max(AT_ONCE, -(-taken // AT_ONCE) * AT_ONCE)
    learned = learned_of(checkpoint.model, prompt.tokens, chosen.rule, count)
    taken = min(taken, len(learned.expected))
    _show_buttons(taken)
    before, now = learned.losses[0], learned.losses[taken]
    words = f"Steps taken: {taken}. Loss: {now:.4g} nats; at first: {before:.4g}."
    if learned.probabilities[taken].min() > KNOWN:
        words += f" Learned by heart: every next token has a probability above {KNOWN}."
    st.caption(words)
    room = count if taken < count else count + AT_ONCE
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.vega_lite_chart(steps_chart(learned.losses, taken, room).spec)
    with right:
        st.vega_lite_chart(
            probability_chart(prompt.pieces, learned.probabilities, taken, room).spec
        )
    notebook.show(
        "the steps",
        learn,
        f"learn(model, tokens[0].tolist(), {chosen.rule!r}, {count}).losses",
        drawn=learned.losses,
        also=[LearningRule],
    )


def _steps_taken(prompt: Prompt, chosen: Chosen) -> int:
    """Return how often the step was repeated: with another rule or text, never yet."""
    here = prompt.tokens, chosen.rule
    before = st.session_state.get(STEPS_OF)
    if before is not None and before != here:
        st.session_state["steps"] = 0
    st.session_state[STEPS_OF] = here
    state.keep_possible("steps", range(MOST_STEPS + 1), "number of steps")
    taken: int = st.slider("Steps taken", 0, MOST_STEPS, 0, key="steps", **state.BOUND)
    return taken


def _show_buttons(taken: int) -> None:
    keyboard.on_next(lambda: _take(1))
    with st.container(horizontal=True, key="learning_buttons"):
        for label, icon, count in (
            ("Repeat the step", ":material/play_arrow:", 1),
            ("Ten more", ":material/fast_forward:", AT_ONCE),
        ):
            st.button(
                label,
                icon=icon,
                type="primary" if count == 1 else "secondary",
                on_click=_take,
                args=(count,),
                disabled=taken >= MOST_STEPS,
                help=f"At most {MOST_STEPS} steps." if taken >= MOST_STEPS else None,
            )
        for label, icon, count in (
            ("Undo", ":material/undo:", -1),
            ("Start over", ":material/restart_alt:", -MOST_STEPS),
        ):
            st.button(
                label,
                icon=icon,
                type="tertiary",
                on_click=_take,
                args=(count,),
                disabled=not taken,
                help=None if taken else "No step has been taken yet.",
            )


def _take(count: int) -> None:
    """Take steps, or take them back; the model itself never changes."""
    taken = st.session_state.get("steps", 0) + count
    st.session_state["steps"] = max(0, min(MOST_STEPS, taken))
