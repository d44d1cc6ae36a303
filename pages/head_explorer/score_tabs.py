"""One head on two texts, and every score of every head: two tabs of the explorer."""

import streamlit as st

from minigpt.interpret.heads.null_band import cautious_label
from minigpt.interpret.heads.repeated_tokens import (
    familiar_tokens,
    repeated_tokens,
    scores_on,
)
from minigpt.interpret.heads.scores import HABITS, SCORES, head_scores
from minigpt.textbook.heads import patterns
from pages.frame import notebook, state
from pages.frame.reading import Place
from pages.head_explorer.study import Study
from viz.heads import ELSEWHERE, HERE, ScoreOnText, two_texts_chart


def name_of(score: str) -> str:
    """Return a score's name in words."""
    return score.replace("_", " ")


def label(study: Study, layer: int, head: int) -> str:
    """Return the name of a head's habit on a text, if one is that strong."""
    if study.band is None:
        return "not compared with untrained heads"
    return cautious_label(study.scores, study.band, layer, head)


def show_two_texts(here: Study, there: Study, place: Place) -> None:
    """Show one head's scores on the prompt beside those on random tokens."""
    layer, head = place.layer, place.head
    left, right = st.columns([3, 2], gap="large")
    rows = [
        ScoreOnText(name_of(name), text, value, low, high)
        for name in HABITS
        for text, study in ((HERE, here), (ELSEWHERE, there))
        for value, low, high in [_with_band(study, name, layer, head)]
    ]
    with left:
        st.vega_lite_chart(two_texts_chart(rows).spec)
        notebook.show(
            "two texts",
            scores_on,
            f"{_on_random_tokens(there)}.as_array()[:{len(HABITS)}, {layer}, {head}]",
            drawn=there.scores.as_array()[: len(HABITS), layer, head],
            begin=notebook.opening_with_windows(),
            also=[repeated_tokens, familiar_tokens],
        )
    with right:
        st.markdown(f"**L{layer}H{head} on this prompt:** {label(here, layer, head)}.")
        st.markdown(f"**On random tokens, said twice:** {label(there, layer, head)}.")
        st.caption(
            "A head gets a name if one habit takes at least half of its weight, far "
            "more than in untrained heads (grey). What a head can show depends on "
            "the text: only where tokens are repeated can it read what followed "
            "them."
        )


def show_every_score(here: Study, there: Study) -> None:
    """Show all scores of all heads as a table to sort."""
    text = st.segmented_control(
        "Scores on",
        [HERE, ELSEWHERE],
        default=HERE,
        required=True,
        key="scored_text",
        label_visibility="collapsed",
        **state.BOUND,
    )
    study = here if text == HERE else there
    layers, heads = study.scores.entropy.shape
    rows = [
        {
            "head": f"L{layer}H{head}",
            "habit": label(study, layer, head),
            **{
                name_of(name): float(getattr(study.scores, name)[layer, head])
                for name in SCORES
            },
        }
        for layer in range(layers)
        for head in range(heads)
    ]
    weight = st.column_config.ProgressColumn(
        width="small", format="%.3f", min_value=0, max_value=1
    )
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            **{name_of(name): weight for name in HABITS},
            "entropy": st.column_config.NumberColumn("entropy (nats)", format="%.3f"),
        },
    )
    st.caption(_bands_in_words(study))
    _show_code(study, text)


def _show_code(study: Study, text: str) -> None:
    """Show the code behind the table."""
    if text == HERE:
        notebook.show(
            "every score",
            head_scores,
            "head_scores(patterns(model, tokens), tokens[0]).as_array()",
            drawn=study.scores.as_array(),
            also=[patterns],
        )
    else:
        notebook.show(
            "every score",
            scores_on,
            f"{_on_random_tokens(study)}.as_array()",
            drawn=study.scores.as_array(),
            begin=notebook.opening_with_windows(),
            also=[repeated_tokens, familiar_tokens],
        )


def _on_random_tokens(study: Study) -> str:
    """Return the call that scores every head on the random tokens of a study."""
    length = len(study.tokens[0])
    familiar = "familiar_tokens(tokenizer, windows)"
    return f"scores_on(model, repeated_tokens({familiar}, {length}))"


def _with_band(
    study: Study, name: str, layer: int, head: int
) -> tuple[float, float, float]:
    """Return a score and the edges of its band; without a band, an empty one."""
    value = float(getattr(study.scores, name)[layer, head])
    if study.band is None:
        return value, value, value
    low, high = study.band.edges(name)
    return value, float(low[layer, head]), float(high[layer, head])


def _bands_in_words(study: Study) -> str:
    """Say between which scores untrained heads lie."""
    if study.band is None:
        return "Mean weights, and the rows' mean entropy in nats."
    parts = []
    for name in SCORES:
        low, high = study.band.edges(name)
        if low[0, 0] == low[0, 0]:
            parts.append(f"{name_of(name)} {low.min():.3f}–{high.max():.3f}")
    return (
        f"Untrained heads ({study.band.seeds} models of this shape, mean ± 2 sd): "
        + ", ".join(parts)
        + "."
    )
