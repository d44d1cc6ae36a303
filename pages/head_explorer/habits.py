"""What a head does in text that it was not shown for: its sentence, and its tab."""

from collections.abc import Iterator

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.habits import ALL_HABITS
from minigpt.interpret.heads.head_names import (
    head_names,
    names_of_heads,
    untrained_habits,
)
from minigpt.interpret.heads.held_out_scores import (
    WINDOWS,
    HeldOutScores,
    held_out_scores,
)
from minigpt.interpret.reading.prompt import Reading
from pages.frame import notebook
from pages.frame.reading import Place
from pages.frame.words import duration
from pages.head_explorer import held_out
from pages.head_explorer.held_out import HeldOutStudy
from viz.heads import HabitBar, habits_chart

TAB = "Habits"

SHOWN = 10
"""Habits of a head that are drawn; all are in the numbers behind the chart."""

COMMON = 0.9
"""Where fewer queries can show a habit, the page says how many."""


def show_sentence(
    checkpoint: Checkpoint, found: HeldOutStudy | None, reading: Reading, place: Place
) -> None:
    """Say under a head's name how strong its habit is, and how sure that is."""
    if found is None or not found.scores.habits:
        return
    name = found.name(place.layer, place.head)
    habit = name or found.scores.habits[found.beyond()[:, *place[:2]].argmax()]
    (bar,) = _bars(checkpoint, found, reading, place, [habit])
    if found.band is None:
        begins, untrained = "It puts", "not compared with untrained heads yet"
    else:
        like = bar.low <= bar.untrained_high
        begins = "Like an untrained head, it puts" if like else "Above all, it puts"
        begins = "It puts" if name else begins
        untrained = (
            f"untrained heads: {bar.untrained_low:.3f} to {bar.untrained_high:.3f}"
        )
    here = (
        f"On this prompt: {bar.here:.3f}."
        if bar.here == bar.here
        else "This prompt has no such place."
    )
    share = found.scores.coverage[habit]
    rows = "" if share > COMMON else f", where there is one ({share:.0%} of queries)"
    st.caption(
        f"{begins} {bar.value:.3f} of its weight on {bar.habit}{rows}, in "
        f"{found.scores.windows} windows of held-out text (95% interval: "
        f"{bar.low:.3f} to {bar.high:.3f}; {untrained}). {here}"
    )


def show_habits(
    checkpoint: Checkpoint, found: HeldOutStudy | None, reading: Reading, place: Place
) -> None:
    """Show every habit of one head with its interval, and the names of all heads."""
    _offer(checkpoint)
    if found is None:
        st.caption(_why_nothing(checkpoint))
        return
    layer, head = place.layer, place.head
    scores = found.scores
    left, right = st.columns([3, 2], gap="large")
    with left:
        beyond = found.beyond()[:, layer, head]
        order = sorted(range(len(beyond)), key=lambda at: -beyond[at])
        habits = [scores.habits[at] for at in order[:SHOWN]]
        st.vega_lite_chart(
            habits_chart(list(_bars(checkpoint, found, reading, place, habits))).spec
        )
        notebook.show(
            "held-out habits",
            held_out_scores,
            f"held_out_scores(model, tokenizer, windows).score[:, {layer}, {head}]",
            drawn=scores.score[:, layer, head],
            begin=notebook.opening_with_windows(WINDOWS),
        )
    with right:
        _explain(found, layer, head)


def _explain(found: HeldOutStudy, layer: int, head: int) -> None:
    """Say what the bars are, and when a habit names a head."""
    scores = found.scores
    st.markdown(f"**L{layer}H{head}:** {held_out.label(found, layer, head)}.")
    st.caption(
        "Bars: the share of its weight that the head puts there, for the "
        f"{min(SHOWN, len(scores.habits))} of {len(scores.habits)} habits that are "
        f"farthest above untrained heads, in {scores.windows} windows of "
        f"{found.text.windows.shape[1]} tokens ({found.text.description}). Line on a "
        "bar: 95% interval, from windows drawn anew. Grey: untrained models of this "
        "shape. Diamond: this prompt."
    )
    st.caption(
        "A habit names a head if its whole interval takes at least half of the weight, "
        "far above untrained heads, and if more goes there than distance alone "
        "explains: a head that reads the last three tokens also reads its own word, by "
        "chance."
    )
    if scores.missing:
        st.caption(_missing_in_words(scores))


def _bars(
    checkpoint: Checkpoint,
    found: HeldOutStudy,
    reading: Reading,
    place: Place,
    habits: list[str],
) -> Iterator[HabitBar]:
    """Yield what there is to draw of some of a head's habits."""
    here = held_out.on_prompt(checkpoint.model, checkpoint.tokenizer, reading.tokens)
    low, high = (None, None) if found.band is None else found.band.edges()
    at = place.layer, place.head
    for habit in habits:
        row = found.scores.habits.index(habit)
        yield HabitBar(
            habit=ALL_HABITS[habit],
            value=float(found.scores.score[row][at]),
            low=float(found.scores.low[row][at]),
            high=float(found.scores.high[row][at]),
            untrained_low=float("nan") if low is None else float(low[row][at]),
            untrained_high=float("nan") if high is None else float(high[row][at]),
            here=_on_prompt(here, habit, at),
            queries=found.scores.queries[habit],
        )


def _on_prompt(here: HeldOutScores | None, habit: str, place: tuple[int, int]) -> float:
    if here is None or habit not in here.habits:
        return float("nan")
    return float(here.score[here.habits.index(habit)][place])


def show_names(found: HeldOutStudy | None) -> None:
    """Show every head's name, or what it does most, as a table."""
    if found is None:
        return
    st.markdown(f"**Names**, from {found.scores.windows} windows of held-out text")
    number = st.column_config.NumberColumn(format="%.3f")
    st.dataframe(
        list(_named_rows(found)),
        hide_index=True,
        column_config=dict.fromkeys(("weight", "from", "to"), number),
    )
    if found.names is None:
        return
    notebook.show(
        "names",
        head_names,
        "[[float(name is not None) for name in layer] "
        "for layer in head_names(model, tokenizer, windows)]",
        drawn=[[float(name is not None) for name in layer] for layer in found.names],
        begin=notebook.opening_with_windows(WINDOWS),
        also=[names_of_heads, untrained_habits],
    )


def _named_rows(found: HeldOutStudy) -> Iterator[dict[str, str | float]]:
    """Yield each head's name, and the numbers behind it."""
    strongest, scores = found.beyond().argmax(0), found.scores
    layers, heads = strongest.shape
    for layer in range(layers):
        for head in range(heads):
            habit = found.name(layer, head)
            habit = habit or scores.habits[strongest[layer, head]]
            at = scores.habits.index(habit), layer, head
            yield {
                "head": f"L{layer}H{head}",
                "name": held_out.label(found, layer, head),
                "strongest habit": ALL_HABITS[habit],
                "weight": float(scores.score[at]),
                "from": float(scores.low[at]),
                "to": float(scores.high[at]),
            }


def _missing_in_words(scores: HeldOutScores) -> str:
    """Say which habits were not measured, and why."""
    reasons: dict[str, list[str]] = {}
    for habit, why in scores.missing.items():
        reasons.setdefault(why, []).append(ALL_HABITS[habit])
    listed = [f"{', '.join(habits)} ({why})" for why, habits in reasons.items()]
    return "Not measured here: " + "; ".join(listed) + "."


def _offer(checkpoint: Checkpoint) -> None:
    """Offer a comparison that would keep the reader waiting."""
    takes = held_out.missing_seconds(checkpoint)
    if takes > held_out.PATIENCE:
        st.button(
            "Compare with untrained heads",
            key="compare_untrained",
            icon=":material/balance:",
            on_click=held_out.want,
            args=(checkpoint,),
            help=f"Takes about {duration(takes)}, and is kept.",
        )


def _why_nothing(checkpoint: Checkpoint) -> str:
    """Say why there is nothing to show."""
    if checkpoint.model.config.max_seq_len < 2:
        return "This model reads only one token at a time: its heads have no choice."
    if held_out.OWED in st.session_state:
        return "The held-out text is not read yet."
    return "This model is too large to be read again and again for every habit."
